// Spearman's rank correlation.
#pragma once

#include <span>

namespace attend {

/// Spearman's rank correlation of two samples of one size: Pearson's correlation of their ranks, where equal values
/// share the mean of their ranks. From -1 to 1; NaN where a sample has fewer than two different values.
double rank_correlation(std::span<const float> a, std::span<const float> b);

/// Mean of some words' rank correlations, those that are NaN left out; NaN where none is left.
double mean_rank_correlation(std::span<const double> correlations);

}  // namespace attend
