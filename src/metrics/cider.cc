#include "metrics/cider.h"

#include <algorithm>
#include <cmath>
#include <unordered_set>

#include "base/error.h"

namespace attend {

Cider::Cider(std::span<const std::vector<Tokens>> references, std::span<const std::vector<Tokens>> documents)
    : log_documents_(std::log(static_cast<double>(documents.size()))) {
  for (size_t picture = 0; picture < references.size(); ++picture) {
    if (references[picture].empty()) throw InputError("references: picture " + std::to_string(picture) + " has none");
  }
  // idf_ holds document frequencies until all are counted.
  for (const auto& document : documents) {
    std::array<std::unordered_set<uint32_t>, kMaxNgram> seen;
    for (const auto& caption : document) {
      const Ngrams ngrams(caption);
      for (int n = 0; n < kMaxNgram; ++n) {
        for (const auto& [ngram, times] : ngrams.of(n + 1)) {
          const uint32_t known = number(n, ngram);
          if (seen[n].insert(known).second) ++idf_[n][known];
        }
      }
    }
  }
  if (documents.data() != references.data()) {  // a reference may hold what no document does
    for (const auto& captions : references) {
      for (const auto& caption : captions) {
        const Ngrams ngrams(caption);
        for (int n = 0; n < kMaxNgram; ++n)
          for (const auto& [ngram, times] : ngrams.of(n + 1)) number(n, ngram);
      }
    }
  }
  for (auto& frequencies : idf_) {
    for (auto& frequency : frequencies) frequency = log_documents_ - std::log(std::max(1.0, frequency));
  }
  references_.resize(references.size());
  for (size_t picture = 0; picture < references.size(); ++picture) {
    for (const auto& reference : references[picture]) {
      const auto& weighed = references_[picture].emplace_back(weigh(reference));
      for (const auto& vector : weighed.vectors) tells_apart_ |= vector.norm > 0;
    }
  }
}

uint32_t Cider::number(int n, std::string_view ngram) {
  const auto found = numbers_[n].find(ngram);
  if (found != numbers_[n].end()) return found->second;
  const auto made = static_cast<uint32_t>(idf_[n].size());
  numbers_[n].emplace(ngram, made);
  idf_[n].push_back(0);
  return made;
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
      const double weight = times * (known ? idf_[n][found->second] : log_documents_);
      if (known) weights.emplace_back(found->second, weight);
      norm += weight * weight;
    }
    norm = std::sqrt(norm);
    std::sort(weights.begin(), weights.end());
  }
  return caption;
}

double Cider::plain_score(size_t picture, const Tokens& candidate) const {
  return compare(
      picture, candidate, [](double a, double b) { return a * b; }, [](double) { return 1; });
}

double Cider::score(size_t picture, const Tokens& candidate) const {
  constexpr double kSigma = 6;
  return compare(
      picture, candidate, [](double a, double b) { return std::min(a, b) * b; },  // repeating gains nothing
      [](double delta) { return std::exp(-delta * delta / (2 * kSigma * kSigma)); });
}

template <class Product, class Penalty>
double Cider::compare(size_t picture, const Tokens& tokens, Product product, Penalty penalty) const {
  const auto candidate = weigh(tokens);
  double sum = 0;
  for (const auto& reference : references_.at(picture)) {
    const double length_penalty = penalty(candidate.length - reference.length);
    for (int n = 0; n < kMaxNgram; ++n) {
      const auto& [weights, norm] = reference.vectors[n];
      double common = 0;
      auto at = weights.begin();
      for (const auto& [number, weight] : candidate.vectors[n].weights) {
        while (at != weights.end() && at->first < number) ++at;
        if (at == weights.end()) break;
        if (at->first == number) common += product(weight, at->second);
      }
      const double norms = candidate.vectors[n].norm * norm;
      if (norms != 0) sum += length_penalty * common / norms;
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
  scores.corpus = mean(scores.pictures);
  return scores;
}

}  // namespace attend
