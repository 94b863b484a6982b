// Known words that stand for unknown ones.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "text/vocabulary.h"

namespace attend {

/// Unknown word → the known one that stands for it.
using NearestWords = std::unordered_map<std::string, std::string>;

/// For those of `words` that the vocabulary hasn't: another form of the same word ("puppies" for "puppy"), else, for words of five
/// bytes and more, one that is a letter away (changed, more, less, or two in each other's place): a slip of the pen. Of several the
/// one that comes first in the vocabulary, which is the most frequent. Words without such a one aren't in the map.
NearestWords nearest_words(const std::vector<std::string>& words, const Vocabulary& vocabulary);

}  // namespace attend
