#include "metrics/bleu.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <string>

#include "base/error.h"
#include "metrics/ngrams.h"

namespace attend {
namespace {

size_t closest_length(const CaptionPair& pair) {
  const auto distance = [&](size_t length) {
    return std::pair(std::abs(static_cast<long>(length) - static_cast<long>(pair.candidate.size())), length);
  };
  size_t best = pair.references.front().size();
  for (const auto& reference : pair.references) {
    if (distance(reference.size()) < distance(best)) best = reference.size();
  }
  return best;
}

BleuCounts count(const CaptionPair& pair) {
  BleuCounts counts;
  counts.length = static_cast<double>(pair.candidate.size());
  counts.reference_length = static_cast<double>(closest_length(pair));

  std::vector<Ngrams> references;
  for (const auto& reference : pair.references) references.emplace_back(reference);
  const Ngrams candidate(pair.candidate);
  for (int n = 1; n <= kMaxNgram; ++n) {
    for (const auto& [ngram, times] : candidate.of(n)) {
      int most = 0;
      for (const auto& reference : references) most = std::max(most, reference.times(n, ngram));
      counts.correct[n - 1] += std::min(times, most);
      counts.guessed[n - 1] += times;
    }
  }
  return counts;
}

}  // namespace

BleuCounts& BleuCounts::operator+=(const BleuCounts& other) {
  length += other.length;
  reference_length += other.reference_length;
  for (int n = 0; n < kMaxNgram; ++n) {
    correct[n] += other.correct[n];
    guessed[n] += other.guessed[n];
  }
  return *this;
}

std::array<double, 4> BleuCounts::scores() const {
  // coco-caption's constants: they decide the figure of a picture without a common 4-gram.
  constexpr double kTiny = 1e-15, kSmall = 1e-9;
  const double ratio = (length + kTiny) / (reference_length + kSmall);
  const double brevity = ratio < 1 ? std::exp(1 - 1 / ratio) : 1;
  std::array<double, kMaxNgram> made;
  double product = 1;
  for (int n = 0; n < kMaxNgram; ++n) {
    product *= (correct[n] + kTiny) / (guessed[n] + kSmall);
    made[n] = std::pow(product, 1.0 / (n + 1)) * brevity;
  }
  return made;
}

std::vector<BleuCounts> bleu_counts(std::span<const CaptionPair> pairs) {
  std::vector<BleuCounts> counts;
  for (size_t i = 0; i < pairs.size(); ++i) {
    if (pairs[i].references.empty()) throw InputError("references: picture " + std::to_string(i) + " has none");
    counts.push_back(count(pairs[i]));
  }
  return counts;
}

BleuScores bleu_of_counts(std::span<const BleuCounts> pictures) {
  BleuScores scores;
  BleuCounts total;
  for (const auto& counts : pictures) {
    scores.pictures.push_back(counts.scores());
    total += counts;
  }
  if (!pictures.empty()) scores.corpus = total.scores();
  return scores;
}

BleuScores bleu(std::span<const CaptionPair> pairs) { return bleu_of_counts(bleu_counts(pairs)); }

}  // namespace attend
