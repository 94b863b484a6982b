#include "text/word_vectors.h"

#include <algorithm>
#include <cmath>

namespace attend {

void WordRarity::add(std::span<const std::vector<int32_t>> document) {
  ++documents_;
  for (const auto& text : document)
    for (const int32_t word : text) {
      const auto [found, is_new] = counts_.try_emplace(word, Count{1, documents_});
      if (is_new || found->second.last == documents_) continue;
      ++found->second.documents;
      found->second.last = documents_;
    }
}

WordVector WordRarity::vector(std::vector<int32_t> words) const {
  std::sort(words.begin(), words.end());
  WordVector vector;
  double square = 0;
  for (auto word = words.begin(); word != words.end();) {
    const auto behind = std::upper_bound(word, words.end(), *word);
    const double times = static_cast<double>(behind - word);
    const double rarity =
        std::log(static_cast<double>(documents_ + 1) / static_cast<double>(counts_.at(*word).documents));
    vector.emplace_back(*word, times * rarity);
    square += times * rarity * times * rarity;
    word = behind;
  }
  for (auto& [word, weight] : vector) weight /= std::sqrt(square);
  return vector;
}

std::vector<WordVector> word_vectors(const std::vector<std::vector<int32_t>>& texts,
                                     const std::vector<size_t>& document) {
  WordRarity rarity;
  for (size_t first = 0, last = 0; first < texts.size(); first = last) {
    while (last < texts.size() && document[last] == document[first]) ++last;
    rarity.add(std::span(texts).subspan(first, last - first));
  }
  std::vector<WordVector> vectors;
  vectors.reserve(texts.size());
  for (const auto& words : texts) vectors.push_back(rarity.vector(words));
  return vectors;
}

double cosine(const WordVector& a, const WordVector& b) {
  double sum = 0;
  for (auto of_a = a.begin(), of_b = b.begin(); of_a != a.end() && of_b != b.end();) {
    if (of_a->first == of_b->first)
      sum += of_a++->second * of_b++->second;
    else if (of_a->first < of_b->first)
      ++of_a;
    else
      ++of_b;
  }
  return sum;
}

}  // namespace attend
