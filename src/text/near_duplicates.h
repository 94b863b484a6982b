// Sentences that say the same, or all but.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace attend {

/// Sentences (indices, rising) that are the same word for word, or that are joined by a chain of sentences each of which is
/// one word away from the next: one more, one less or another.
struct AlikeSentences {
  std::vector<size_t> sentences;  // at least two
  bool equal;                     // all of them
};

/// Groups of sentences that are alike, in the order of their first ones. Only sentences of `least_words` and more are held against
/// others for one word: short ones are often alike by chance. Words are compared by hashes of 64 bits. Memory is linear in the number
/// of words.
std::vector<AlikeSentences> find_alike(const std::vector<std::vector<std::string>>& sentences, size_t least_words);

}  // namespace attend
