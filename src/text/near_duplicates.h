// Sentences that say the same, or all but; and those that have nothing to do with others. Words are numbers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
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

/// Hands sentences on one after another, each with its document, as often as it is called; those of a document follow one another.
using SentenceWalk =
    std::function<void(const std::function<void(size_t document, std::span<const int32_t> words)>& take)>;

/// Groups of sentences that are alike, in the order of their first ones. Only sentences of `least_words` and more are held against
/// others for one word: short ones are often alike by chance. Sentences are compared by hashes of 64 bits, and walked through several
/// times. Memory: 8 bytes a sentence, 4 MB, and the groups.
std::vector<AlikeSentences> find_alike(const SentenceWalk& walk, size_t least_words);

/// Sentences (indices, rising) that have no word of any family in common with the others of their document, of which there are
/// `least_others` at least. family: of each word, -1 for one that doesn't count.
std::vector<size_t> find_apart(const SentenceWalk& walk, std::span<const int32_t> family, size_t least_others);

}  // namespace attend
