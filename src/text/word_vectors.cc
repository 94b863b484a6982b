#include "text/word_vectors.h"

#include <cmath>
#include <unordered_map>

namespace attend {

std::vector<WordVector> word_vectors(const std::vector<std::vector<int64_t>>& texts,
                                     const std::vector<size_t>& document) {
  struct Count {
    size_t documents, last;
  };
  std::unordered_map<int64_t, Count> counts;
  size_t count = 0;
  for (size_t i = 0; i < texts.size(); ++i) {
    count += i == 0 || document[i] != document[i - 1];
    for (const int64_t word : texts[i]) {
      const auto [found, is_new] = counts.try_emplace(word, Count{1, document[i]});
      if (is_new || found->second.last == document[i]) continue;
      ++found->second.documents;
      found->second.last = document[i];
    }
  }
  std::vector<WordVector> vectors;
  for (const auto& words : texts) {
    auto& vector = vectors.emplace_back();
    for (const int64_t word : words)
      vector[word] += std::log(static_cast<double>(count + 1) / static_cast<double>(counts.at(word).documents));
    double square = 0;
    for (const auto& [word, weight] : vector) square += weight * weight;
    for (auto& [word, weight] : vector) weight /= std::sqrt(square);
  }
  return vectors;
}

double cosine(const WordVector& a, const WordVector& b) {
  double sum = 0;
  for (const auto& [word, weight] : a)
    if (const auto found = b.find(word); found != b.end()) sum += weight * found->second;
  return sum;
}

}  // namespace attend
