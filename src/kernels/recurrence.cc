#include "kernels/lanes.h"
#include "kernels/set.h"

namespace attend::kernels::ATTEND_SET {
namespace {

/// Absolute error below 3e-7: tanh x = 1 - 2 / (e^2x + 1); e^2x = 2^n 2^f with |f| <= 1/2 and 2^f by its Taylor
/// polynomial.
[[gnu::always_inline]] inline Lanes fast_tanh(Lanes x) {
  constexpr float kRound = 12582912;  // 1.5 * 2^23: adding it leaves no bits below one
  x = x < -9 ? splat(-9) : x;
  x = x > 9 ? splat(9) : x;
  const Lanes t = x * 2.885390082f;  // 2 / ln 2
  const Lanes n = (t + kRound) - kRound, f = t - n;
  Lanes p = splat(1.5252734e-5f);
  p = p * f + 1.5403530e-4f;
  p = p * f + 1.3333558e-3f;
  p = p * f + 9.6181291e-3f;
  p = p * f + 5.5504109e-2f;
  p = p * f + 2.4022651e-1f;
  p = p * f + 6.9314718e-1f;
  p = p * f + 1.0f;
  const auto power = reinterpret_cast<Lanes>((__builtin_convertvector(n, LaneIntegers) + 127) << 23);  // 2^n
  return 1.0f - 2.0f * reciprocal(p * power + 1.0f);
}

[[gnu::always_inline]] inline Lanes fast_sigmoid(Lanes x) { return 0.5f * fast_tanh(0.5f * x) + 0.5f; }

}  // namespace

void lstm_cell(int64_t H, const float* word_gates, const float* state_gates, const float* c, float* next_h,
               float* next_c, int64_t begin, int64_t end) {
  for (int64_t row = begin; row < end; ++row) {
    for (int64_t i = 0; i < H; i += kLanes) {
      const int64_t left = H - i, at = row * H + i;
      const auto gate = [&](int64_t number) __attribute__((always_inline)) {
        const int64_t from = (row * 4 + number) * H + i;
        return load_lanes(word_gates + from, left) + load_lanes(state_gates + from, left);
      };
      const Lanes cell = fast_sigmoid(gate(1)) * load_lanes(c + at, left) + fast_sigmoid(gate(0)) * fast_tanh(gate(3));
      store_lanes(next_c + at, cell, left);
      store_lanes(next_h + at, fast_sigmoid(gate(2)) * fast_tanh(cell), left);
    }
  }
}

}  // namespace attend::kernels::ATTEND_SET
