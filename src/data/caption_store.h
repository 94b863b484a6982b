// Pictures with captions, as many as there are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/spool.h"

namespace attend {

/// A picture and what was said of it.
struct CaptionedPicture {
  std::filesystem::path picture;
  std::vector<std::string> captions;
};

/// Pictures with their captions, in the order that they were added in. Names and texts lie in a Spool; memory: 8 bytes a picture.
class CaptionStore {
 public:
  /// A caption of a picture: of the last one, where it has the same name, or of a new one.
  void add(const std::filesystem::path& picture, std::string caption);
  void add(CaptionedPicture picture);

  size_t size() const { return begins_.size() + !last_.captions.empty(); }
  bool empty() const { return size() == 0; }
  /// Any number of threads, while nobody adds.
  CaptionedPicture operator[](size_t i) const;

 private:
  void put_last();

  Spool spool_;
  std::vector<uint64_t> begins_;  // in the spool, of all pictures but the last
  CaptionedPicture last_;         // to which captions may still come
};

}  // namespace attend
