// Sixteen fp32 values that fill one vector register, and their way from and to fp32 and bf16 storage. Written in the
// compiler's vector types: one source for every processor, AVX-512 where the compiler may use it, and by name where the
// compiler doesn't find the instruction.
#pragma once

#include <c10/util/BFloat16.h>
#ifdef __AVX512F__
#include <immintrin.h>
#endif

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

namespace attend {

constexpr int64_t kLanes = 16;
using Lanes = float __attribute__((vector_size(kLanes * sizeof(float))));
using LaneBits = uint32_t __attribute__((vector_size(kLanes * sizeof(uint32_t))));
using HalfLaneBits = uint16_t __attribute__((vector_size(kLanes * sizeof(uint16_t))));

[[gnu::always_inline]] inline Lanes splat(float value) { return Lanes{} + value; }

/// Sixteen values from `from`, which needs no alignment.
[[gnu::always_inline]] inline Lanes load_lanes(const float* from) {
  Lanes lanes;
  std::memcpy(&lanes, from, sizeof lanes);
  return lanes;
}

/// Sixteen bf16.
[[gnu::always_inline]] inline Lanes widen(HalfLaneBits bits) {
  return reinterpret_cast<Lanes>(__builtin_convertvector(bits, LaneBits) << 16);
}

/// Rounds to the nearest bf16, ties to even.
[[gnu::always_inline]] inline HalfLaneBits narrow(Lanes lanes) {
#ifdef __AVX512BF16__
  return reinterpret_cast<HalfLaneBits>(_mm512_cvtneps_pbh(reinterpret_cast<__m512>(lanes)));
#else
  const auto bits = reinterpret_cast<LaneBits>(lanes);
  return __builtin_convertvector((bits + 0x7fff + ((bits >> 16) & 1)) >> 16, HalfLaneBits);
#endif
}

[[gnu::always_inline]] inline Lanes load_lanes(const c10::BFloat16* from) {
  HalfLaneBits bits;
  std::memcpy(&bits, from, sizeof bits);
  return widen(bits);
}

[[gnu::always_inline]] inline void store_lanes(float* to, Lanes lanes) { std::memcpy(to, &lanes, sizeof lanes); }

[[gnu::always_inline]] inline void store_lanes(c10::BFloat16* to, Lanes lanes) {
  const auto bits = narrow(lanes);
  std::memcpy(to, &bits, sizeof bits);
}

// The first `count` of sixteen (the others are 0), none where count is negative; for the last channels of a row.
#if defined(__AVX512BW__) && defined(__AVX512VL__)
[[gnu::always_inline]] inline __mmask16 first_lanes(int64_t count) {
  return static_cast<__mmask16>((1u << std::clamp<int64_t>(count, 0, kLanes)) - 1);
}

[[gnu::always_inline]] inline Lanes load_lanes(const float* from, int64_t count) {
  return reinterpret_cast<Lanes>(_mm512_maskz_loadu_ps(first_lanes(count), from));
}

[[gnu::always_inline]] inline Lanes load_lanes(const c10::BFloat16* from, int64_t count) {
  return widen(reinterpret_cast<HalfLaneBits>(_mm256_maskz_loadu_epi16(first_lanes(count), from)));
}

[[gnu::always_inline]] inline void store_lanes(float* to, Lanes lanes, int64_t count) {
  _mm512_mask_storeu_ps(to, first_lanes(count), reinterpret_cast<__m512>(lanes));
}

[[gnu::always_inline]] inline void store_lanes(c10::BFloat16* to, Lanes lanes, int64_t count) {
  _mm256_mask_storeu_epi16(to, first_lanes(count), reinterpret_cast<__m256i>(narrow(lanes)));
}
#else
template <class T>
Lanes load_lanes(const T* from, int64_t count) {
  if (count >= kLanes) return load_lanes(from);
  Lanes lanes{};
  for (int64_t i = 0; i < count; ++i) lanes[i] = static_cast<float>(from[i]);
  return lanes;
}

template <class T>
void store_lanes(T* to, Lanes lanes, int64_t count) {
  if (count >= kLanes) return store_lanes(to, lanes);
  for (int64_t i = 0; i < count; ++i) to[i] = static_cast<T>(static_cast<float>(lanes[i]));
}
#endif

/// The smaller and the larger of two, and b where one is NaN.
[[gnu::always_inline]] inline Lanes smaller(Lanes a, Lanes b) {
#ifdef __AVX512F__
  // Here and below "maskz" of all lanes: GCC warns of the plain names as if they used what is uninitialized.
  return reinterpret_cast<Lanes>(_mm512_maskz_min_ps(0xffff, reinterpret_cast<__m512>(a), reinterpret_cast<__m512>(b)));
#else
  return a < b ? a : b;
#endif
}

[[gnu::always_inline]] inline Lanes larger(Lanes a, Lanes b) {
#ifdef __AVX512F__
  return reinterpret_cast<Lanes>(_mm512_maskz_max_ps(0xffff, reinterpret_cast<__m512>(a), reinterpret_cast<__m512>(b)));
#else
  return a > b ? a : b;
#endif
}

[[gnu::always_inline]] inline Lanes relu6(Lanes lanes) { return smaller(larger(lanes, Lanes{}), splat(6)); }

/// 1 / lanes, to an error below 2e-7 of it.
[[gnu::always_inline]] inline Lanes reciprocal(Lanes lanes) {
#ifdef __AVX512F__
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

/// Calls body(0), …, body(count - 1) with indices the compiler knows, so that small arrays live in registers.
template <int count, class Body>
[[gnu::always_inline]] inline void unroll(Body&& body) {
  [&]<int... i>(std::integer_sequence<int, i...>) __attribute__((always_inline)) {
    (body(std::integral_constant<int, i>{}), ...);
  }
  (std::make_integer_sequence<int, count>{});
}

/// Calls body(i, left) for every `step`th i of `count`, with the number of those left; one the compiler knows, `step`, where
/// there are so many: no masks then.
template <int64_t step, class Body>
[[gnu::always_inline]] inline void in_steps(int64_t count, Body&& body) {
  int64_t i = 0;
  for (; i + step <= count; i += step) body(i, std::integral_constant<int64_t, step>{});
  if (i < count) body(i, count - i);
}

}  // namespace attend
