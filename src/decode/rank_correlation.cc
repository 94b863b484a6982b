#include "decode/rank_correlation.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

namespace attend {
namespace {

/// Ranks from 0, less their mean.
std::vector<double> centred_ranks(std::span<const float> values) {
  std::vector<size_t> order(values.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t i, size_t j) { return values[i] < values[j]; });
  std::vector<double> ranks(values.size());
  const double mean = (static_cast<double>(values.size()) - 1) / 2;
  for (size_t first = 0, end = 0; first < order.size(); first = end) {
    while (end < order.size() && values[order[end]] == values[order[first]]) ++end;
    for (size_t i = first; i < end; ++i) ranks[order[i]] = static_cast<double>(first + end - 1) / 2 - mean;
  }
  return ranks;
}

}  // namespace

double rank_correlation(std::span<const float> a, std::span<const float> b) {
  const auto x = centred_ranks(a), y = centred_ranks(b);
  const double xy = std::inner_product(x.begin(), x.end(), y.begin(), 0.0);
  const double xx = std::inner_product(x.begin(), x.end(), x.begin(), 0.0);
  const double yy = std::inner_product(y.begin(), y.end(), y.begin(), 0.0);
  return xy / std::sqrt(xx * yy);  // 0 / 0 where all values of a sample are alike
}

double mean_rank_correlation(std::span<const double> correlations) {
  double sum = 0;
  int count = 0;
  for (const double correlation : correlations) {
    if (std::isnan(correlation)) continue;
    sum += correlation;
    ++count;
  }
  return count > 0 ? sum / count : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace attend
