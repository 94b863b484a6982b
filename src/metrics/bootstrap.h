// How sure a figure is: the bootstrap over pictures (Efron and Tibshirani, "An introduction to the bootstrap", 1993,
// chapter 13; Koehn, "Statistical significance tests for machine translation evaluation", 2004).
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace attend {

/// A figure of some of the pictures; a picture may stand in the list several times.
using FigureOf = std::function<double(std::span<const uint32_t> pictures)>;

/// Sets of pictures drawn with replacement, the same for the same seed on every machine: what intervals and tests are
/// computed on.
class Resamples {
 public:
  Resamples(size_t pictures, int count, uint64_t seed);

  /// The figure on each resample, on `threads` threads.
  std::vector<double> figures(const FigureOf& figure, int threads) const;

 private:
  std::vector<std::vector<uint32_t>> sets_;
};

struct Interval {
  double low, high;
};

/// The middle 95 % of the figures of resamples, at least one.
Interval interval_95(std::vector<double> figures);

/// The two-sided p-value of figures `a` and `b` on the same resamples: how likely a difference at least as sure in
/// its sign would be if there were none. Never 0: at least 2 / (resamples + 1).
double paired_p_value(std::span<const double> a, std::span<const double> b);

}  // namespace attend
