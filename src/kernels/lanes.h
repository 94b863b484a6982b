// fp32 values that fill one vector register, and their way from and to fp32 and bf16 storage. Written in the compiler's vector
// types: one source for every processor, and instructions by name where the compiler doesn't find them.
//
// Included by what is compiled once for each instruction set, in a namespace of that set's name (ATTEND_SET). Linkers keep one
// of several equal inline functions: so nothing here or in those sources calls an inline function that isn't in that namespace
// (tests/kernels/symbols.sh looks).
#pragma once

#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

#if (defined(__AVX2__) || defined(__AVX512F__)) && !defined(ATTEND_PLAIN)
#include <immintrin.h>
#endif

#include "kernels/kernels.h"

// What the set has, by the flags that it is compiled with.
#if !defined(ATTEND_PLAIN) && defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512DQ__) && \
    defined(__AVX512VL__)
#define ATTEND_AVX512 1
#elif !defined(ATTEND_PLAIN) && defined(__AVX2__) && defined(__FMA__)
#define ATTEND_AVX2 1
#endif

namespace attend::kernels::ATTEND_SET {

#ifdef ATTEND_AVX512
constexpr int64_t kLanes = 16;
#else
constexpr int64_t kLanes = 8;
#endif
using Lanes = float __attribute__((vector_size(kLanes * sizeof(float))));
using LaneBits = uint32_t __attribute__((vector_size(kLanes * sizeof(uint32_t))));
using LaneIntegers = int32_t __attribute__((vector_size(kLanes * sizeof(int32_t))));
using HalfLaneBits = uint16_t __attribute__((vector_size(kLanes * sizeof(uint16_t))));
using LaneBytes = uint8_t __attribute__((vector_size(kLanes)));

/// Numbers the compiler knows, so that small arrays live in registers.
template <int value>
struct Constant {
  [[gnu::always_inline]] constexpr operator int() const { return value; }
};

template <class T>
[[gnu::always_inline]] constexpr T least(T a, T b) {
  return b < a ? b : a;
}
template <class T>
[[gnu::always_inline]] constexpr T most(T a, T b) {
  return a < b ? b : a;
}

/// Calls body(0), …, body(count - 1), each with a Constant.
template <int count, class Body>
[[gnu::always_inline]] inline void unroll(Body&& body) {
  [&]<int... i>(std::integer_sequence<int, i...>) __attribute__((always_inline)) { (body(Constant<i>{}), ...); }
  (std::make_integer_sequence<int, count>{});
}

/// Calls body(i, left) for every `step`th i of `count`, with the number of those left; one the compiler knows, `step`, where
/// there are so many: no masks then.
template <int step, class Body>
[[gnu::always_inline]] inline void in_steps(int64_t count, Body&& body) {
  int64_t i = 0;
  for (; i + step <= count; i += step) body(i, Constant<step>{});
  if (i < count) body(i, count - i);
}

[[gnu::always_inline]] inline Lanes splat(float value) { return Lanes{} + value; }

/// kLanes values from `from`, which needs no alignment.
[[gnu::always_inline]] inline Lanes load_lanes(const float* from) {
  Lanes lanes;
  std::memcpy(&lanes, from, sizeof lanes);
  return lanes;
}

[[gnu::always_inline]] inline Lanes widen(HalfLaneBits bits) {
  return reinterpret_cast<Lanes>(__builtin_convertvector(bits, LaneBits) << 16);
}

/// The lower 16 bits of integers from -32768 to 32767. (GCC 12 takes the lanes apart one by one.)
[[gnu::always_inline]] inline HalfLaneBits low_halves(LaneIntegers integers) {
#ifdef ATTEND_AVX2
  const auto wide = reinterpret_cast<__m256i>(integers);
  return reinterpret_cast<HalfLaneBits>(
      _mm_packs_epi32(_mm256_castsi256_si128(wide), _mm256_extracti128_si256(wide, 1)));
#else
  return __builtin_convertvector(integers, HalfLaneBits);
#endif
}

/// Rounds to the nearest bf16, ties to even.
[[gnu::always_inline]] inline HalfLaneBits narrow(Lanes lanes) {
#if defined(__AVX512BF16__) && defined(ATTEND_AVX512)
  return reinterpret_cast<HalfLaneBits>(_mm512_cvtneps_pbh(reinterpret_cast<__m512>(lanes)));
#else
  const auto bits = reinterpret_cast<LaneBits>(lanes);
  return low_halves(reinterpret_cast<LaneIntegers>(bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
#endif
}

[[gnu::always_inline]] inline Lanes load_lanes(const BFloat16* from) {
  HalfLaneBits bits;
  std::memcpy(&bits, from, sizeof bits);
  return widen(bits);
}

[[gnu::always_inline]] inline void store_lanes(float* to, Lanes lanes) { std::memcpy(to, &lanes, sizeof lanes); }

[[gnu::always_inline]] inline void store_lanes(BFloat16* to, Lanes lanes) {
  const auto bits = narrow(lanes);
  std::memcpy(to, &bits, sizeof bits);
}

/// The nearest integers, ties to even, of values up to 2^22 in size.
[[gnu::always_inline]] inline LaneIntegers nearest_integers(Lanes lanes) {
#if defined(ATTEND_AVX512)
  // Here and below "maskz" of all lanes: GCC warns of the plain names as if they used what is uninitialized.
  return reinterpret_cast<LaneIntegers>(_mm512_maskz_cvtps_epi32(0xffff, reinterpret_cast<__m512>(lanes)));
#elif defined(ATTEND_AVX2)
  return reinterpret_cast<LaneIntegers>(_mm256_cvtps_epi32(reinterpret_cast<__m256>(lanes)));
#else
  constexpr float kRound = 12582912;  // 1.5 * 2^23: adding it leaves no bits below one
  return __builtin_convertvector((lanes + kRound) - kRound, LaneIntegers);
#endif
}

[[gnu::always_inline]] inline Lanes to_lanes(LaneIntegers integers) { return __builtin_convertvector(integers, Lanes); }

[[gnu::always_inline]] inline Lanes to_lanes(LaneBytes bytes) {
#ifdef ATTEND_AVX2
  int64_t packed;
  std::memcpy(&packed, &bytes, sizeof packed);
  return to_lanes(reinterpret_cast<LaneIntegers>(_mm256_cvtepu8_epi32(_mm_cvtsi64_si128(packed))));
#else
  return __builtin_convertvector(bytes, Lanes);
#endif
}

/// The smaller and the larger of two, and b where one is NaN.
[[gnu::always_inline]] inline Lanes smaller(Lanes a, Lanes b) {
#if defined(ATTEND_AVX512)
  return reinterpret_cast<Lanes>(_mm512_maskz_min_ps(0xffff, reinterpret_cast<__m512>(a), reinterpret_cast<__m512>(b)));
#elif defined(ATTEND_AVX2)
  return reinterpret_cast<Lanes>(_mm256_min_ps(reinterpret_cast<__m256>(a), reinterpret_cast<__m256>(b)));
#else
  return a < b ? a : b;
#endif
}

[[gnu::always_inline]] inline Lanes larger(Lanes a, Lanes b) {
#if defined(ATTEND_AVX512)
  return reinterpret_cast<Lanes>(_mm512_maskz_max_ps(0xffff, reinterpret_cast<__m512>(a), reinterpret_cast<__m512>(b)));
#elif defined(ATTEND_AVX2)
  return reinterpret_cast<Lanes>(_mm256_max_ps(reinterpret_cast<__m256>(a), reinterpret_cast<__m256>(b)));
#else
  return a > b ? a : b;
#endif
}

[[gnu::always_inline]] inline Lanes magnitude(Lanes lanes) {
  return reinterpret_cast<Lanes>(reinterpret_cast<LaneBits>(lanes) & 0x7fffffff);
}

[[gnu::always_inline]] inline Lanes relu6(Lanes lanes) { return smaller(larger(lanes, Lanes{}), splat(6)); }

/// 1 / lanes, to an error below 2e-7 of it.
[[gnu::always_inline]] inline Lanes reciprocal(Lanes lanes) {
#ifdef ATTEND_AVX512
  const auto guess = reinterpret_cast<Lanes>(_mm512_maskz_rcp14_ps(0xffff, reinterpret_cast<__m512>(lanes)));
  return guess * (2.0f - lanes * guess);  // a step of Newton's: twice the digits
#else
  return 1.0f / lanes;
#endif
}

/// `gradient` where ReLU6 let its input through, 0 where it didn't; `output` is what ReLU6 returned.
[[gnu::always_inline]] inline Lanes relu6_gradient(Lanes gradient, Lanes output) {
  return (output > 0) & (output < 6) ? gradient : Lanes{};
}

// The first `count` of kLanes (the others are 0), none where count is negative; for the last channels of a row.
#ifdef ATTEND_AVX512
[[gnu::always_inline]] inline __mmask16 first_lanes(int64_t count) {
  return static_cast<__mmask16>((1u << most<int64_t>(least(count, kLanes), 0)) - 1);
}

[[gnu::always_inline]] inline Lanes load_lanes(const float* from, int64_t count) {
  return reinterpret_cast<Lanes>(_mm512_maskz_loadu_ps(first_lanes(count), from));
}

[[gnu::always_inline]] inline Lanes load_lanes(const BFloat16* from, int64_t count) {
  return widen(reinterpret_cast<HalfLaneBits>(_mm256_maskz_loadu_epi16(first_lanes(count), from)));
}

[[gnu::always_inline]] inline void store_lanes(float* to, Lanes lanes, int64_t count) {
  _mm512_mask_storeu_ps(to, first_lanes(count), reinterpret_cast<__m512>(lanes));
}

[[gnu::always_inline]] inline void store_lanes(BFloat16* to, Lanes lanes, int64_t count) {
  _mm256_mask_storeu_epi16(to, first_lanes(count), reinterpret_cast<__m256i>(narrow(lanes)));
}

/// In whole steps from 0 to 255.
[[gnu::always_inline]] inline void store_lanes(uint8_t* to, Lanes lanes, int64_t count) {
  const auto rounded = reinterpret_cast<__m512i>(nearest_integers(larger(lanes, Lanes{})));
  _mm_mask_storeu_epi8(to, first_lanes(count), _mm512_maskz_cvtusepi32_epi8(0xffff, rounded));
}
#else
template <class T>
[[gnu::always_inline]] inline Lanes load_lanes(const T* from, int64_t count) {
  if (count >= kLanes) return load_lanes(from);
  T values[kLanes] = {};
  for (int64_t i = 0; i < count; ++i) values[i] = from[i];
  return load_lanes(values);
}

template <class T>
[[gnu::always_inline]] inline void store_lanes(T* to, Lanes lanes, int64_t count) {
  if (count >= kLanes) return store_lanes(to, lanes);
  T values[kLanes];
  store_lanes(values, lanes);
  for (int64_t i = 0; i < count; ++i) to[i] = values[i];
}

/// In whole steps from 0 to 255.
[[gnu::always_inline]] inline void store_lanes(uint8_t* to, Lanes lanes, int64_t count) {
  const auto integers = nearest_integers(smaller(larger(lanes, Lanes{}), splat(255)));
#ifdef ATTEND_AVX2
  const auto halves = reinterpret_cast<__m128i>(low_halves(integers));
  const int64_t packed = _mm_cvtsi128_si64(_mm_packus_epi16(halves, halves));
  LaneBytes bytes;
  std::memcpy(&bytes, &packed, sizeof bytes);
#else
  const auto bytes = __builtin_convertvector(integers, LaneBytes);
#endif
  if (count >= kLanes) {
    std::memcpy(to, &bytes, sizeof bytes);
    return;
  }
  for (int64_t i = 0; i < count; ++i) to[i] = bytes[i];
}
#endif

[[gnu::always_inline]] inline float sum_of(Lanes lanes) {
  for (int64_t half = kLanes / 2; half > 0; half /= 2)
    for (int64_t i = 0; i < half; ++i) lanes[i] += lanes[i + half];
  return lanes[0];
}

}  // namespace attend::kernels::ATTEND_SET
