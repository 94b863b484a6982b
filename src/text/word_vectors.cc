#include "text/word_vectors.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>

namespace attend {

std::vector<WordVector> word_vectors(const std::vector<std::vector<int32_t>>& texts,
                                     const std::vector<size_t>& document) {
  struct Count {
    size_t documents, last;
  };
  std::unordered_map<int32_t, Count> counts;
  size_t count = 0;
  for (size_t i = 0; i < texts.size(); ++i) {
    count += i == 0 || document[i] != document[i - 1];
    for (const int32_t word : texts[i]) {
      const auto [found, is_new] = counts.try_emplace(word, Count{1, document[i]});
      if (is_new || found->second.last == document[i]) continue;
      ++found->second.documents;
      found->second.last = document[i];
    }
  }
  std::vector<WordVector> vectors;
  vectors.reserve(texts.size());
  for (auto words : texts) {
    std::sort(words.begin(), words.end());
    auto& vector = vectors.emplace_back();
    double square = 0;
    for (auto word = words.begin(); word != words.end();) {
      const auto behind = std::upper_bound(word, words.end(), *word);
      const double times = static_cast<double>(behind - word);
      const double rarity = std::log(static_cast<double>(count + 1) / static_cast<double>(counts.at(*word).documents));
      vector.emplace_back(*word, times * rarity);
      square += times * rarity * times * rarity;
      word = behind;
    }
    for (auto& [word, weight] : vector) weight /= std::sqrt(square);
    vector.shrink_to_fit();
  }
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
