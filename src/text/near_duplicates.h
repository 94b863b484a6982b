// Sentences that say the same, or all but; and those that have nothing to do with others. Words are numbers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace attend {

/// Words under numbers of their own, in the order that they come in.
class WordNumbers {
 public:
  /// The numbers of these words, old and new.
  std::vector<int32_t> of(const std::vector<std::string>& words);
  /// By number.
  const std::vector<std::string>& words() const { return words_; }

 private:
  std::unordered_map<std::string, int32_t> numbers_;
  std::vector<std::string> words_;
};

/// Sentences (indices, rising) that are the same word for word, or that are joined by a chain of sentences each of which is
/// one word away from the next: one more, one less or another.
struct AlikeSentences {
  std::vector<size_t> sentences;  // at least two
  bool equal;                     // all of them
};

/// Groups of sentences that are alike, in the order of their first ones. Only sentences of `least_words` and more are held against
/// others for one word: short ones are often alike by chance. Sentences are compared by hashes of 64 bits. Memory is linear in the
/// number of words.
std::vector<AlikeSentences> find_alike(const std::vector<std::vector<int32_t>>& sentences, size_t least_words);

/// Sentences (indices, rising) that have no word of any family in common with the others of their document, of which there are
/// `least_others` at least. document[i]: of sentences[i], those of one follow one another; family: of each word, -1 for one that
/// doesn't count.
std::vector<size_t> find_apart(const std::vector<std::vector<int32_t>>& sentences, std::span<const size_t> document,
                               std::span<const int32_t> family, size_t least_others);

}  // namespace attend
