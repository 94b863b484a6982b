#include "metrics/cider.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <unordered_set>

#include "base/error.h"

namespace attend {

Cider::Cider(std::span<const std::vector<Tokens>> references)
    : log_pictures_(std::log(static_cast<double>(references.size()))) {
  for (size_t picture = 0; picture < references.size(); ++picture) {
    if (references[picture].empty()) throw InputError("references: picture " + std::to_string(picture) + " has none");
    std::array<std::unordered_set<uint32_t>, kMaxNgram> seen;
    for (const auto& reference : references[picture]) {
      const Ngrams ngrams(reference);
      for (int n = 0; n < kMaxNgram; ++n) {
        for (const auto& [ngram, times] : ngrams.of(n + 1)) {
          const auto number = numbers_[n].emplace(ngram, static_cast<uint32_t>(idf_[n].size())).first->second;
          if (number == idf_[n].size()) idf_[n].push_back(0);
          if (seen[n].insert(number).second) ++idf_[n][number];  // the document frequency, until all are counted
        }
      }
    }
  }
  for (auto& frequencies : idf_) {
    for (auto& frequency : frequencies) frequency = log_pictures_ - std::log(frequency);
  }
  references_.resize(references.size());
  for (size_t picture = 0; picture < references.size(); ++picture) {
    for (const auto& reference : references[picture]) references_[picture].push_back(weigh(reference));
  }
}

Cider::Caption Cider::weigh(const Tokens& tokens) const {
  Caption caption;
  caption.length = tokens.empty() ? 0 : static_cast<double>(tokens.size() - 1);
  const Ngrams ngrams(tokens);
  for (int n = 0; n < kMaxNgram; ++n) {
    auto& [weights, norm] = caption.vectors[n];
    for (const auto& [ngram, times] : ngrams.of(n + 1)) {
      const auto found = numbers_[n].find(ngram);
      const bool known = found != numbers_[n].end();
      const double weight = times * (known ? idf_[n][found->second] : log_pictures_);
      if (known) weights.emplace_back(found->second, weight);
      norm += weight * weight;
    }
    norm = std::sqrt(norm);
    std::sort(weights.begin(), weights.end());
  }
  return caption;
}

double Cider::score(size_t picture, const Tokens& tokens) const {
  constexpr double kSigma = 6;
  const auto candidate = weigh(tokens);
  double sum = 0;
  for (const auto& reference : references_.at(picture)) {
    const double delta = candidate.length - reference.length;
    const double length_penalty = std::exp(-delta * delta / (2 * kSigma * kSigma));
    for (int n = 0; n < kMaxNgram; ++n) {
      const auto& [weights, norm] = reference.vectors[n];
      double product = 0;
      auto at = weights.begin();
      for (const auto& [number, weight] : candidate.vectors[n].weights) {
        while (at != weights.end() && at->first < number) ++at;
        if (at == weights.end()) break;
        if (at->first == number)
          product += std::min(weight, at->second) * at->second;  // clipped: repeating gains nothing
      }
      const double norms = candidate.vectors[n].norm * norm;
      if (norms != 0) sum += length_penalty * product / norms;
    }
  }
  return 10 * sum / (kMaxNgram * static_cast<double>(references_[picture].size()));
}

Scores cider_d(std::span<const CaptionPair> pairs) {
  std::vector<std::vector<Tokens>> references;
  for (const auto& pair : pairs) references.push_back(pair.references);
  const Cider cider(references);
  Scores scores;
  for (size_t i = 0; i < pairs.size(); ++i) scores.pictures.push_back(cider.score(i, pairs[i].candidate));
  if (!pairs.empty()) {
    scores.corpus =
        std::accumulate(scores.pictures.begin(), scores.pictures.end(), 0.0) / static_cast<double>(pairs.size());
  }
  return scores;
}

}  // namespace attend
