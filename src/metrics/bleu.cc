#include "metrics/bleu.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "base/error.h"

namespace attend {
namespace {

/// The length closest to the candidate's; the shorter of two equally close.
size_t closest_length(const std::vector<size_t>& lengths, size_t candidate) {
  return *std::min_element(lengths.begin(), lengths.end(), [&](size_t a, size_t b) {
    const auto distance = [&](size_t length) { return length < candidate ? candidate - length : length - candidate; };
    return std::pair(distance(a), a) < std::pair(distance(b), b);
  });
}

double brevity_penalty(double ratio) { return ratio < 1 ? std::exp(1 - 1 / ratio) : 1; }

}  // namespace

BleuReferences::BleuReferences(std::span<const Tokens> references) {
  for (const auto& reference : references) {
    ngrams_.emplace_back(reference);
    lengths_.push_back(reference.size());
  }
}

BleuCounts BleuReferences::count(const Tokens& candidate) const {
  BleuCounts counts;
  counts.length = static_cast<double>(candidate.size());
  counts.reference_length = static_cast<double>(closest_length(lengths_, candidate.size()));
  const Ngrams ngrams(candidate);
  for (int n = 1; n <= kMaxNgram; ++n) {
    for (const auto& [ngram, times] : ngrams.of(n)) {
      int most = 0;
      for (const auto& reference : ngrams_) most = std::max(most, reference.times(n, ngram));
      counts.correct[n - 1] += std::min(times, most);
      counts.guessed[n - 1] += times;
    }
  }
  return counts;
}

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
  const double brevity = brevity_penalty(ratio);
  std::array<double, kMaxNgram> made;
  double product = 1;
  for (int n = 0; n < kMaxNgram; ++n) {
    product *= (correct[n] + kTiny) / (guessed[n] + kSmall);
    made[n] = std::pow(product, 1.0 / (n + 1)) * brevity;
  }
  return made;
}

double BleuCounts::smoothed() const {
  if (correct[0] == 0) return 0;
  double product = correct[0] / guessed[0];
  for (int n = 1; n < kMaxNgram; ++n) product *= (correct[n] + 1) / (guessed[n] + 1);
  return std::pow(product, 1.0 / kMaxNgram) * brevity_penalty(length / reference_length);
}

std::vector<BleuCounts> bleu_counts(std::span<const CaptionPair> pairs) {
  std::vector<BleuCounts> counts;
  for (size_t i = 0; i < pairs.size(); ++i) {
    if (pairs[i].references.empty()) throw InputError("references: picture " + std::to_string(i) + " has none");
    counts.push_back(BleuReferences(pairs[i].references).count(pairs[i].candidate));
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

double self_bleu(std::span<const std::vector<Tokens>> pictures) {
  BleuCounts total;
  for (const auto& captions : pictures) {
    if (captions.size() < 2) continue;
    for (size_t i = 0; i < captions.size(); ++i) {
      auto others = captions;
      others.erase(others.begin() + static_cast<long>(i));
      total += BleuReferences(others).count(captions[i]);
    }
  }
  return total.length > 0 ? total.scores()[3] : std::numeric_limits<double>::quiet_NaN();
}

BleuScores bleu(std::span<const CaptionPair> pairs) { return bleu_of_counts(bleu_counts(pairs)); }

}  // namespace attend
