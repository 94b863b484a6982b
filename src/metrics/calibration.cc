#include "metrics/calibration.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace attend {

std::vector<ReliabilityBin> reliability(std::span<const double> probabilities, const std::vector<bool>& came_true,
                                        int bins) {
  std::vector<ReliabilityBin> made(static_cast<size_t>(bins));
  for (size_t i = 0; i < probabilities.size(); ++i) {
    auto& bin = made[static_cast<size_t>(std::min(bins - 1, static_cast<int>(probabilities[i] * bins)))];
    ++bin.cases;
    bin.probability += probabilities[i];
    bin.share += came_true[i];
  }
  for (auto& bin : made)
    if (bin.cases > 0) bin.probability /= static_cast<double>(bin.cases), bin.share /= static_cast<double>(bin.cases);
  return made;
}

double expected_calibration_error(const std::vector<ReliabilityBin>& bins) {
  double sum = 0, cases = 0;
  for (const auto& bin : bins) {
    sum += static_cast<double>(bin.cases) * std::abs(bin.probability - bin.share);
    cases += static_cast<double>(bin.cases);
  }
  return cases > 0 ? sum / cases : 0;
}

double area_under_curve(std::span<const double> values, const std::vector<bool>& came_true) {
  std::vector<size_t> order(values.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return values[a] < values[b]; });
  double below = 0, pairs_won = 0, yes = 0;  // below: cases with lower values that didn't come true
  for (size_t begin = 0; begin < order.size();) {
    size_t end = begin;
    double equal_yes = 0, equal_no = 0;
    for (; end < order.size() && values[order[end]] == values[order[begin]]; ++end)
      came_true[order[end]] ? ++equal_yes : ++equal_no;
    pairs_won += equal_yes * (below + equal_no / 2);
    below += equal_no;
    yes += equal_yes;
    begin = end;
  }
  return pairs_won / (yes * below);
}

double quantile(std::vector<double> values, double share) {
  const auto rank = static_cast<long>(std::ceil(share * static_cast<double>(values.size()))) - 1;
  const auto at = values.begin() + std::clamp<long>(rank, 0, static_cast<long>(values.size()) - 1);
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

}  // namespace attend
