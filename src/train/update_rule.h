// How an optimizer changes numbers that lie in memory.
#pragma once

#include <cstdint>

namespace attend {

constexpr double kUpdateEpsilon = 1e-8;  // keeps the division by a root of nearly nothing

/// g += decay * value; first = first_kept * first + (1 - first_kept) * g; second likewise of g^2;
/// value = kept * value - rate * first / (sqrt(second * second_scale) + kUpdateEpsilon);
/// average = average_kept * average + (1 - average_kept) * value.
struct UpdateRule {
  float decay = 0, kept = 1;  // of the value: L2 regularization, decoupled weight decay
  float first_kept = 0, second_kept = 0, second_scale = 1;
  float rate = 0;
  float average_kept = 0;
};

/// Applies it to `count` numbers in one pass: memory is what an update costs, and LibTorch goes through it a dozen times.
/// average: null where there is none.
void apply(const UpdateRule& rule, int64_t count, const float* gradient, float* value, float* first, float* second,
           float* average);

}  // namespace attend
