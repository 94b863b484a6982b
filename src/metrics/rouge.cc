#include "metrics/rouge.h"

#include <algorithm>

#include "base/error.h"

namespace attend {
namespace {

/// Length of the longest common subsequence.
size_t common_subsequence(const Tokens& a, const Tokens& b) {
  std::vector<size_t> row(b.size() + 1, 0);  // row[j]: the length for a[0, i) and b[0, j)
  for (const auto& word : a) {
    size_t diagonal = 0;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t above = row[j];
      row[j] = word == b[j - 1] ? diagonal + 1 : std::max(above, row[j - 1]);
      diagonal = above;
    }
  }
  return row.back();
}

double score(const CaptionPair& pair) {
  constexpr double kBetaSquared = 1.2 * 1.2;
  const Tokens empty{""};
  const auto& candidate = pair.candidate.empty() ? empty : pair.candidate;
  double precision = 0, recall = 0;
  for (const auto& tokens : pair.references) {
    const auto& reference = tokens.empty() ? empty : tokens;
    const auto common = static_cast<double>(common_subsequence(candidate, reference));
    precision = std::max(precision, common / static_cast<double>(candidate.size()));
    recall = std::max(recall, common / static_cast<double>(reference.size()));
  }
  if (precision == 0) return 0;
  return (1 + kBetaSquared) * precision * recall / (recall + kBetaSquared * precision);
}

}  // namespace

Scores rouge_l(std::span<const CaptionPair> pairs) {
  Scores scores;
  for (size_t i = 0; i < pairs.size(); ++i) {
    if (pairs[i].references.empty()) throw InputError("references: picture " + std::to_string(i) + " has none");
    scores.pictures.push_back(score(pairs[i]));
  }
  scores.corpus = mean(scores.pictures);
  return scores;
}

}  // namespace attend
