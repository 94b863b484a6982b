#include "base/multiply_adds.h"

#ifdef ATTEND_TILES
#include <immintrin.h>
#endif

#include "base/processor.h"

namespace attend {
namespace {

constexpr int kUnderWay =
    12;  // two units, four steps each, and some to spare; more than the registers hold would be stored

using Lanes4 = float __attribute__((vector_size(16)));
using Lanes8 = float __attribute__((vector_size(32)));
using Lanes16 = float __attribute__((vector_size(64)));

template <class Register>
[[gnu::always_inline]] inline double multiply_add_in(int64_t rounds) {
  constexpr int lanes = sizeof(Register) / sizeof(float);
  volatile float share = 0.5f;  // unknown to the compiler, or it would compute all this beforehand
  const float factor = share;
  Register sums[kUnderWay];
  for (int i = 0; i < kUnderWay; ++i) sums[i] = Register{} + static_cast<float>(i);
  for (int64_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 12
    for (int i = 0; i < kUnderWay; ++i) sums[i] = sums[i] * factor + factor;
  }
  float all = 0;
  for (const auto& sum : sums)
    for (int lane = 0; lane < lanes; ++lane) all += sum[lane];
  share = all;
  return 2.0 * lanes * kUnderWay * static_cast<double>(rounds);
}

#if defined(__x86_64__)
[[gnu::target("avx512f")]] double in_avx512(int64_t rounds) { return multiply_add_in<Lanes16>(rounds); }
[[gnu::target("avx2,fma")]] double in_avx2(int64_t rounds) { return multiply_add_in<Lanes8>(rounds); }
#endif

#ifdef ATTEND_TILES
[[gnu::target("amx-tile,amx-int8")]] double in_tiles(int64_t rounds) {
  constexpr int kTiles = 8, kRows = 16, kRowBytes = 64;
  struct {
    uint8_t palette = 1, rest[15]{};
    uint16_t row_bytes[16]{};
    uint8_t rows[16]{};
  } shapes;
  for (int i = 0; i < kTiles; ++i) {
    shapes.row_bytes[i] = kRowBytes;
    shapes.rows[i] = kRows;
  }
  asm volatile("" ::"r"(&shapes) : "memory");  // the compiler doesn't know that the next line reads all of it
  _tile_loadconfig(&shapes);                   // and makes every tile 0
  for (int64_t round = 0; round < rounds; ++round) {
    _tile_dpbusd(0, 6, 7);
    _tile_dpbusd(1, 6, 7);
    _tile_dpbusd(2, 6, 7);
    _tile_dpbusd(3, 6, 7);
    _tile_dpbusd(4, 6, 7);
    _tile_dpbusd(5, 6, 7);
  }
  _tile_release();
  return 6 * 2.0 * kRows * kRows * kRowBytes * static_cast<double>(rounds);
}
#endif

}  // namespace

double multiply_add(int64_t rounds) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) return in_avx512(rounds);
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return in_avx2(rounds);
#endif
  return multiply_add_in<Lanes4>(rounds);
}

double multiply_add_tiles([[maybe_unused]] int64_t rounds) {
#ifdef ATTEND_TILES
  if (has_tiles()) return in_tiles(rounds);
#endif
  return 0;
}

}  // namespace attend
