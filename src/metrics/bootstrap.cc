#include "metrics/bootstrap.h"

#include <algorithm>
#include <cmath>
#include <random>

#include "base/parallel.h"

namespace attend {

Resamples::Resamples(size_t pictures, int count, uint64_t seed) : sets_(static_cast<size_t>(count)) {
  // The generator's numbers are the same everywhere; the standard's distributions are not.
  std::mt19937_64 random(seed);
  for (auto& set : sets_) {
    set.resize(pictures);
    for (auto& picture : set) picture = static_cast<uint32_t>((random() >> 32) * pictures >> 32);
  }
}

std::vector<double> Resamples::figures(const FigureOf& figure, int threads) const {
  std::vector<double> figures(sets_.size());
  parallel_for(sets_.size(), threads, [&](size_t i) { figures[i] = figure(sets_[i]); });
  return figures;
}

Interval interval_95(std::vector<double> figures) {
  std::sort(figures.begin(), figures.end());
  const auto quantile = [&](double share) {  // between two figures: on the line from one to the other
    const double place = share * static_cast<double>(figures.size() - 1);
    const auto below = static_cast<size_t>(place);
    const size_t above = std::min(below + 1, figures.size() - 1);
    return std::lerp(figures[below], figures[above], place - static_cast<double>(below));
  };
  return {quantile(0.025), quantile(0.975)};
}

double paired_p_value(std::span<const double> a, std::span<const double> b) {
  double a_ahead = 0, b_ahead = 0;  // a tie counts for both
  for (size_t i = 0; i < a.size(); ++i) {
    a_ahead += a[i] >= b[i];
    b_ahead += b[i] >= a[i];
  }
  const double count = static_cast<double>(a.size());
  return std::min(1.0, 2 * (std::min(a_ahead, b_ahead) + 1) / (count + 1));
}

}  // namespace attend
