// Logistic regression: a probability from a few numbers.
#pragma once

#include <vector>

namespace attend {

struct LogisticRegression {
  std::vector<double> mean, deviation;  // of each number over the cases it was fitted on
  std::vector<double> weights;          // of each number less its mean, over its deviation
  double intercept = 0;

  /// Of a case with these numbers, as many as there are weights.
  double probability(const std::vector<double>& numbers) const;
};

/// The one that makes `came_true` likeliest, less ridge / 2 times the sum of its squared weights (le Cessie and van Houwelingen
/// 1992); by Newton's method. cases[i]: the numbers of case i, at least one case. ridge is above 0, so it exists even where
/// the cases can be told apart without fault.
LogisticRegression fit_logistic(const std::vector<std::vector<double>>& cases, const std::vector<bool>& came_true,
                                double ridge);

}  // namespace attend
