#include "train/update_rule.h"

#include <cmath>

namespace attend {
namespace {

constexpr auto kEpsilon = static_cast<float>(kUpdateEpsilon);

template <bool averages>
void apply_rule(const UpdateRule rule, int64_t count, const float* __restrict gradient, float* __restrict value,
                float* __restrict first, float* __restrict second, float* __restrict average) {
  for (int64_t i = 0; i < count; ++i) {
    const float g = gradient[i] + rule.decay * value[i];
    first[i] = rule.first_kept * first[i] + (1 - rule.first_kept) * g;
    second[i] = rule.second_kept * second[i] + (1 - rule.second_kept) * g * g;
    value[i] = rule.kept * value[i] - rule.rate * first[i] / (std::sqrt(second[i] * rule.second_scale) + kEpsilon);
    if (averages) average[i] = rule.average_kept * average[i] + (1 - rule.average_kept) * value[i];
  }
}

}  // namespace

void apply(const UpdateRule& rule, int64_t count, const float* gradient, float* value, float* first, float* second,
           float* average) {
  if (average)
    apply_rule<true>(rule, count, gradient, value, first, second, average);
  else
    apply_rule<false>(rule, count, gradient, value, first, second, nullptr);
}

}  // namespace attend
