// How alike texts are by their words, rare ones counting more.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

namespace attend {

/// A text's words, rising, with their weights, a vector of length 1; empty for a text without words.
using WordVector = std::vector<std::pair<int32_t, double>>;

/// How rare words are among documents.
class WordRarity {
 public:
  /// The texts of one more document, which counts a word once, however many of them have it.
  void add(std::span<const std::vector<int32_t>> document);
  /// Of words that were added: term frequency times inverse document frequency (Salton and Buckley 1988).
  WordVector vector(std::vector<int32_t> words) const;

 private:
  struct Count {
    size_t documents, last;
  };
  std::unordered_map<int32_t, Count> counts_;
  size_t documents_ = 0;
};

/// Of each text. document[i]: of texts[i], rising.
std::vector<WordVector> word_vectors(const std::vector<std::vector<int32_t>>& texts,
                                     const std::vector<size_t>& document);

/// 0 for texts without a common word, 1 for the same words.
double cosine(const WordVector& a, const WordVector& b);

}  // namespace attend
