// What an audit finds of captions by their words alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/list_view.h"
#include "text/near_duplicates.h"

namespace attend {

/// Captions are numbered through, picture by picture.
struct FoundByWords {
  std::vector<uint32_t> first;        // caption of each picture
  std::vector<AlikeSentences> alike;  // that are equal, or of five words and more and a word apart; largest first
  std::vector<size_t> apart;          // without a word of the picture's other captions, of which there are two at least

  /// Picture and place of a caption among the picture's.
  std::pair<size_t, size_t> place_of(size_t caption) const;
};

/// captions[i]: of picture i. They lie in a temporary file (base/spool.h) meanwhile; memory: 4 bytes a picture, and that of
/// find_alike().
FoundByWords find_by_words(const ListView<std::vector<std::string>>& captions);

}  // namespace attend
