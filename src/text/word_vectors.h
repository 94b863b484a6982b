// How alike texts are by their words, rare ones counting more.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace attend {

/// A text's words, rising, with their weights, a vector of length 1; empty for a text without words.
using WordVector = std::vector<std::pair<int32_t, double>>;

/// Term frequency times inverse document frequency (Salton and Buckley 1988). document[i]: of texts[i], rising; a document counts
/// a word once, however many of its texts have it.
std::vector<WordVector> word_vectors(const std::vector<std::vector<int32_t>>& texts,
                                     const std::vector<size_t>& document);

/// 0 for texts without a common word, 1 for the same words.
double cosine(const WordVector& a, const WordVector& b);

}  // namespace attend
