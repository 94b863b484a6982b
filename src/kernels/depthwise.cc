// N pictures · H x W input · h x w output · C channels · K kernel side · S stride
#include "kernels/lanes.h"
#include "kernels/set.h"

namespace attend::kernels::ATTEND_SET {
namespace {

// Neighbouring outputs computed together: they share the inputs they read, and their sums stay in registers.
#ifdef ATTEND_AVX512
constexpr int kAtOnce = 5;
#else
constexpr int kAtOnce = 3;
#endif

// On the way back a task takes two groups of lanes: a cache line of bf16 in AVX-512. Their part of a picture is copied as
// fp32 into a `Plane` with room for the padding around it, so the loops below know neither borders nor storage types.
constexpr int kGroups = 2;
constexpr int64_t kTaskChannels = kGroups * kLanes;
constexpr int kTogether = 3;

int64_t round_up(int64_t value, int64_t step) { return (value + step - 1) / step * step; }

/// Rows and columns of a plane, whose groups lie one after the other in memory.
struct Plane {
  int64_t rows, pitch;
  Lanes* first;

  int64_t lanes() const { return kGroups * rows * pitch; }
  Lanes* group(int number) const { return first + number * rows * pitch; }
};

/// The channels of one task within a row of channels.
struct Channels {
  Channels(int64_t task, int64_t channels) : first(task * kTaskChannels), left(channels - first) {}
  int groups() const { return left > kLanes ? 2 : 1; }
  int64_t count(int group) const { return least(kLanes, left - group * kLanes); }
  int64_t offset(int group) const { return first + group * kLanes; }
  int64_t first, left;
};

/// sum[r, c] = Σ weight[ky, kx] · plane[r + ky, c + kx], handed to finish(r, c, sum). `dilation` 2 says that only every
/// second row of the plane, counted from `first_row`, holds anything but zeros.
template <int K, class Finish>
void convolve(const Lanes* plane, int64_t pitch, const Lanes* weight, int64_t rows, int64_t columns, int64_t dilation,
              int64_t first_row, Finish&& finish) {
  for (int64_t r = 0; r < rows; ++r) {
    const int64_t start = (r + first_row) % dilation;
    for (int64_t c = 0; c < columns; c += kTogether) {
      Lanes sum[kTogether] = {};
      for (int64_t ky = start; ky < K; ky += dilation) {
        const Lanes* in = plane + (r + ky) * pitch + c;
        const Lanes* w = weight + ky * K;
        unroll<kTogether - 1 + K>([&](auto i) __attribute__((always_inline)) {
          const Lanes value = in[i];
          unroll<kTogether>([&](auto p) __attribute__((always_inline)) {
            constexpr int kx = i - p;
            if constexpr (kx >= 0 && kx < K) sum[p] += w[kx] * value;
          });
        });
      }
      unroll<kTogether>([&](auto p) __attribute__((always_inline)) {
        if (c + p < columns) finish(r, c + p, sum[p]);
      });
    }
  }
}

/// weight[ky, kx] += Σ gradient[r · S, c · S] · plane[r · S + ky, c · S + kx], bias += Σ gradient.
template <int K, int S>
void correlate(const Lanes* plane, int64_t pitch, const Lanes* gradient, int64_t gradient_pitch, int64_t rows,
               int64_t columns, Lanes* weight, Lanes& bias) {
  for (int64_t r = 0; r < rows; ++r) {
    const Lanes* g = gradient + r * S * gradient_pitch;
    for (int64_t c = 0; c < columns; ++c) bias += g[c * S];
    for (int64_t ky = 0; ky < K; ++ky) {
      const Lanes* in = plane + (r * S + ky) * pitch;
      Lanes even[K] = {}, odd[K] = {};  // two chains of sums, as one would wait for itself
      for (int64_t c = 0; c < columns; c += 4) {
        Lanes step[4];
        unroll<4>([&](auto p) __attribute__((always_inline)) { step[p] = g[(c + p) * S]; });
        unroll<3 * S + K>([&](auto i) __attribute__((always_inline)) {
          const Lanes value = in[c * S + i];
          unroll<4>([&](auto p) __attribute__((always_inline)) {
            constexpr int kx = i - p * S;
            if constexpr (kx >= 0 && kx < K) (p % 2 ? odd : even)[kx] += step[p] * value;
          });
        });
      }
      unroll<K>([&](auto kx) __attribute__((always_inline)) { weight[ky * K + kx] += even[kx] + odd[kx]; });
    }
  }
}

/// Some channels of one picture [H, W, C].
template <class T>
struct Pixels {
  const T* first;
  int64_t height, width, channels;
  int64_t count;  // how many of them

  /// Row `row`, and the rows of a kernel that begins there which the picture has.
  const T* row(int64_t row) const { return first + row * width * channels; }
  int64_t first_row(int64_t row) const { return most<int64_t>(0, -row); }
  int64_t end_row(int64_t row, int64_t kernel) const { return least(kernel, height - row); }
};

/// A kernel's weights and bias for kLanes channels, computed with in fp32.
template <int K, class T>
struct PlainKernel {
  static constexpr int64_t kChannels = kLanes;
  static constexpr bool kMasked = false;
  static constexpr int kColumns = K;
  using Register = Lanes;

  PlainKernel(const float* w, const float* b, int64_t channels, int64_t count) : bias(load_lanes(b, count)) {
    for (int i = 0; i < K * K; ++i) weight[i] = load_lanes(w + i * channels, count);
  }

  /// The kAtOnce outputs whose kernels begin at (row, column) and S columns on each. `whole`: the picture has all these
  /// columns, and all channels unless kMasked.
  template <int S, bool whole>
  [[gnu::always_inline]] void convolve(const Pixels<T>& x, int64_t row, int64_t column, Lanes* out) const {
    const int64_t channels = x.channels;
    Lanes sum[kAtOnce];
    unroll<kAtOnce>([&](auto p) __attribute__((always_inline)) { sum[p] = bias; });
    for (int64_t ky = x.first_row(row); ky < x.end_row(row, K); ++ky) {
      const T* pixel = x.row(row + ky) + column * channels;
      unroll<(kAtOnce - 1) * S + K>([&](auto i) __attribute__((always_inline)) {
        Lanes value{};
        if constexpr (whole)
          value = load_lanes(pixel);
        else if (column + i >= 0 && column + i < x.width)
          value = load_lanes(pixel, x.count);
        pixel += channels;
        unroll<kAtOnce>([&](auto p) __attribute__((always_inline)) {
          constexpr int kx = i - p * S;
          if constexpr (kx >= 0 && kx < K) sum[p] += weight[ky * K + kx] * value;
        });
      });
    }
    unroll<kAtOnce>([&](auto p) __attribute__((always_inline)) { out[p] = relu6(sum[p]); });
  }

  static void store(T* to, Lanes value, int64_t count) { store_lanes(to, value, count); }

  Lanes weight[K * K], bias;
};

/// What brings weights of some channels to whole numbers of 16 bits: 25 times 255 times the largest stay below 2^31.
struct StepScale {
  StepScale(const Lanes* weights, int count, int64_t stride) {
    Lanes largest = splat(1e-20f);
    for (int i = 0; i < count; ++i) largest = larger(magnitude(weights[i * stride]), largest);
    inverse = 32767 / largest;
  }
  LaneIntegers rounded(Lanes weight) const { return nearest_integers(weight * inverse); }
  Lanes scale() const { return 1 / inverse; }
  Lanes inverse;
};

#if defined(ATTEND_AVX512) || defined(ATTEND_AVX2)
/// A whole register of 16-bit numbers, one for each of 2 · kLanes channels; and one of fp32 or 32-bit numbers, for half of them.
#ifdef ATTEND_AVX512
using Wide = __m512i;
using WideFloats = __m512;
using Wanted = __mmask32;  // which channels there are

[[gnu::always_inline]] inline Wide no_bits() { return _mm512_setzero_si512(); }
[[gnu::always_inline]] inline Wide low_pairs(Wide a, Wide b) { return _mm512_unpacklo_epi16(a, b); }
[[gnu::always_inline]] inline Wide high_pairs(Wide a, Wide b) { return _mm512_unpackhi_epi16(a, b); }
[[gnu::always_inline]] inline Wanted wanted_of(int64_t count) {
  return static_cast<__mmask32>((uint64_t{1} << count) - 1);
}
#else
using Wide = __m256i;
using WideFloats = __m256;
using Wanted = int64_t;

[[gnu::always_inline]] inline Wide no_bits() { return _mm256_setzero_si256(); }
[[gnu::always_inline]] inline Wide low_pairs(Wide a, Wide b) { return _mm256_unpacklo_epi16(a, b); }
[[gnu::always_inline]] inline Wide high_pairs(Wide a, Wide b) { return _mm256_unpackhi_epi16(a, b); }
[[gnu::always_inline]] inline Wanted wanted_of(int64_t count) { return count; }
#endif

/// sum += a · b, of two neighbours each.
[[gnu::always_inline]] inline Wide add_pairs(Wide sum, Wide a, Wide b) {
#if defined(ATTEND_AVX512) && defined(__AVX512VNNI__)
  return _mm512_dpwssd_epi32(sum, a, b);
#elif defined(ATTEND_AVX512)
  return _mm512_add_epi32(sum, _mm512_madd_epi16(a, b));
#elif defined(__AVXVNNI__)
  return _mm256_dpwssd_avx_epi32(sum, a, b);
#else
  return _mm256_add_epi32(sum, _mm256_madd_epi16(a, b));
#endif
}

/// The values of 2 · kLanes channels, in the order in which pairs of pixels leave them in the halves of their sums: pixels are
/// paired within 128 bits of a register.
struct Halves {
  Halves(Lanes first, Lanes second) {
    const auto a = reinterpret_cast<WideFloats>(first), b = reinterpret_cast<WideFloats>(second);
#ifdef ATTEND_AVX512
    const auto of_low = _mm512_set_epi32(27, 26, 25, 24, 19, 18, 17, 16, 11, 10, 9, 8, 3, 2, 1, 0);
    low = _mm512_permutex2var_ps(a, of_low, b);
    high = _mm512_permutex2var_ps(a, _mm512_add_epi32(of_low, _mm512_set1_epi32(4)), b);
#else
    low = _mm256_permute2f128_ps(a, b, 0x20);
    high = _mm256_permute2f128_ps(a, b, 0x31);
#endif
  }
  WideFloats low, high;
};

/// 2 · kLanes channels of a pixel, or a weight of each: 16 bits each.
struct HalfLanes {
  HalfLaneBits first, second;
  Wide bits() const {
    Wide bits;
    std::memcpy(&bits, this, sizeof bits);
    return bits;
  }
};

#if defined(__AVX512BF16__) && defined(ATTEND_AVX512)
/// How PairedKernel computes in bf16.
struct Bf16Numbers {
  using Storage = BFloat16;
  using Sum = __m512;
  using Register = __m512i;

  Bf16Numbers(const Lanes (*)[2], int, const Lanes* of_bias) : bias(of_bias[0], of_bias[1]) {}

  /// What rounding takes from a weight goes to the next one: neighbouring pixels are much alike, so their errors cancel.
  __m512i rounded(const Lanes* weight) {
    HalfLanes kept{};
    for (int half = 0; half < 2; ++half) {
      error[half] += weight[half];
      const auto bits = narrow(error[half]);
      (half ? kept.second : kept.first) = bits;
      error[half] -= widen(bits);
    }
    return kept.bits();
  }
  static __m512i load(const Storage* from, __mmask32 wanted) { return _mm512_maskz_loadu_epi16(wanted, from); }
  Sum low() const { return bias.low; }
  Sum high() const { return bias.high; }
  static Sum add_products(Sum sum, __m512i a, __m512i b) {
    return _mm512_dpbf16_ps(sum, reinterpret_cast<__m512bh>(a), reinterpret_cast<__m512bh>(b));
  }
  Register finish(Sum low, Sum high) const {
    const auto quarters = _mm512_set_epi64(7, 3, 6, 2, 5, 1, 4, 0), six = _mm512_set1_epi16(0x40c0);
    const auto bits = reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(high, low));
    // ReLU6: as integers, bf16 above 0 keep their order and those below stay below.
    const auto clamped = _mm512_min_epi16(_mm512_max_epi16(bits, _mm512_setzero_si512()), six);
    return _mm512_maskz_permutexvar_epi64(0xff, quarters, clamped);
  }
  static void store(Storage* to, Register value, int64_t count) {
    if (count == 2 * kLanes) return _mm512_storeu_si512(to, value);
    std::memcpy(to, &value, count * sizeof *to);
  }

  Halves bias;
  Lanes error[2] = {};
};
#endif

/// How PairedKernel computes with pixels in ReLU6's steps: weights in 16 bits with a scale a channel, exact sums.
struct StepNumbers {
  using Storage = uint8_t;
  using Sum = Wide;
#ifdef ATTEND_AVX512
  using Register = __m256i;
#else
  using Register = __m128i;
#endif

  StepNumbers(const Lanes (*weights)[2], int count, const Lanes* of_bias)
      : of{StepScale(weights[0], count, 2), StepScale(weights[0] + 1, count, 2)},
        scale(of[0].scale(), of[1].scale()),
        bias(of_bias[0] / kRelu6Step, of_bias[1] / kRelu6Step) {}

  Wide rounded(const Lanes* weight) const {
    const auto whole = [&](int half) { return low_halves(of[half].rounded(weight[half])); };
    return HalfLanes{whole(0), whole(1)}.bits();
  }
  static Wide load(const Storage* from, Wanted wanted) {
#ifdef ATTEND_AVX512
    return _mm512_maskz_cvtepu8_epi16(0xffffffff, _mm256_maskz_loadu_epi8(wanted, from));
#else
    __m128i bytes = _mm_setzero_si128();
    if (wanted == 2 * kLanes)
      std::memcpy(&bytes, from, sizeof bytes);
    else
      std::memcpy(&bytes, from, wanted);
    return _mm256_cvtepu8_epi16(bytes);
#endif
  }
  static Sum low() { return no_bits(); }
  static Sum high() { return no_bits(); }
  static Sum add_products(Sum sum, Wide a, Wide b) { return add_pairs(sum, a, b); }
  Register finish(Sum low, Sum high) const {
    // Both ways to narrow cut off what is below 0 or above 255: ReLU6.
#ifdef ATTEND_AVX512
    const auto steps = [](Sum sum, __m512 of_scale, __m512 of_bias) {
      return _mm512_maskz_cvtps_epi32(0xffff, _mm512_maskz_cvtepi32_ps(0xffff, sum) * of_scale + of_bias);
    };
    const auto both = _mm512_packus_epi32(steps(low, scale.low, bias.low), steps(high, scale.high, bias.high));
    return _mm512_maskz_cvtusepi16_epi8(0xffffffff, both);
#else
    const auto steps = [](Sum sum, __m256 of_scale, __m256 of_bias) {
      return _mm256_cvtps_epi32(_mm256_cvtepi32_ps(sum) * of_scale + of_bias);
    };
    const auto both =
        _mm256_min_epu16(_mm256_packus_epi32(steps(low, scale.low, bias.low), steps(high, scale.high, bias.high)),
                         _mm256_set1_epi16(255));
    return _mm_packus_epi16(_mm256_castsi256_si128(both), _mm256_extracti128_si256(both, 1));
#endif
  }
  static void store(Storage* to, Register value, int64_t count) {
    if (count == 2 * kLanes)
      std::memcpy(to, &value, sizeof value);
    else
      std::memcpy(to, &value, count);
  }

  StepScale of[2];
  Halves scale, bias;
};

/// The same as PlainKernel for 2 · kLanes channels of 16 bits. One instruction adds the products of two neighbouring pixels with
/// two weights: rows of the kernel are filled up with a 0 to whole pairs.
template <int K, class Numbers>
struct PairedKernel {
  static constexpr int64_t kChannels = 2 * kLanes;
  static constexpr bool kMasked = true;
  static constexpr int kPairs = (K + 1) / 2, kColumns = 2 * kPairs;
  using Storage = typename Numbers::Storage;
  using Register = typename Numbers::Register;
  struct Pairs {
    Wide low, high;
  };

  PairedKernel(const float* w, const float* b, int64_t channels, int64_t count)
      : PairedKernel(Taps(w, b, channels, count)) {}

  template <int S, bool whole>
  [[gnu::always_inline]] void convolve(const Pixels<Storage>& x, int64_t row, int64_t column, Register* out) const {
    const auto wanted = wanted_of(x.count);
    const int64_t channels = x.channels;
    typename Numbers::Sum low[kAtOnce], high[kAtOnce];
    unroll<kAtOnce>([&](auto p) __attribute__((always_inline)) {
      low[p] = numbers.low();
      high[p] = numbers.high();
    });
    for (int64_t ky = x.first_row(row); ky < x.end_row(row, K); ++ky) {
      const auto* pixels = x.row(row + ky) + column * channels;
      const Pairs* of_row = weight[ky];
      Wide next = pixel<whole>(x, pixels, column, wanted);
      unroll<(kAtOnce - 1) * S + kColumns - 1>([&](auto i) __attribute__((always_inline)) {
        const Wide here = next;
        pixels += channels;
        next = pixel<whole>(x, pixels, column + i + 1, wanted);
        if constexpr (i % S == 0) {
          const Pairs both = pair(here, next);
          unroll<kAtOnce>([&](auto p) __attribute__((always_inline)) {
            constexpr int kx = i - p * S;
            if constexpr (kx >= 0 && kx < K && kx % 2 == 0) {
              low[p] = Numbers::add_products(low[p], both.low, of_row[kx / 2].low);
              high[p] = Numbers::add_products(high[p], both.high, of_row[kx / 2].high);
            }
          });
        }
      });
    }
    unroll<kAtOnce>([&](auto p) __attribute__((always_inline)) { out[p] = numbers.finish(low[p], high[p]); });
  }

  static void store(Storage* to, Register value, int64_t count) { Numbers::store(to, value, count); }

  template <bool whole>
  [[gnu::always_inline]] static Wide pixel(const Pixels<Storage>& x, const Storage* at, int64_t column, Wanted wanted) {
    if (!whole && (column < 0 || column >= x.width)) return no_bits();
    return Numbers::load(at, wanted);
  }
  [[gnu::always_inline]] static Pairs pair(Wide left, Wide right) {
    return {low_pairs(left, right), high_pairs(left, right)};
  }

  Numbers numbers;
  Pairs weight[K][kPairs];

 private:
  struct Taps {
    Taps(const float* w, const float* b, int64_t channels, int64_t count) {
      for (int half = 0; half < 2; ++half) {
        const int64_t offset = half * kLanes;
        const auto load = [&](const float* from) {
          return count > offset ? load_lanes(from + offset, count - offset) : Lanes{};
        };
        for (int i = 0; i < K * K; ++i) weight[i][half] = load(w + i * channels);
        bias[half] = load(b);
      }
    }
    Lanes weight[K * K][2], bias[2];
  };

  explicit PairedKernel(const Taps& taps) : numbers(taps.weight, K * K, taps.bias) {
    for (int row = 0; row < K; ++row) {
      for (int i = 0; i < kPairs; ++i) {
        const auto* tap = taps.weight + row * K + 2 * i;
        const auto left = numbers.rounded(tap[0]);
        weight[row][i] = pair(left, 2 * i + 1 < K ? numbers.rounded(tap[1]) : no_bits());
      }
    }
  }
};
#else
/// The same in ReLU6's steps, as StepNumbers of other sets computes with them.
template <int K>
struct StepKernel {
  static constexpr int64_t kChannels = kLanes;
  static constexpr bool kMasked = false;
  static constexpr int kColumns = K;
  using Register = Lanes;

  StepKernel(const float* w, const float* b, int64_t channels, int64_t count)
      : bias(load_lanes(b, count) / kRelu6Step) {
    Lanes taps[K * K];
    for (int i = 0; i < K * K; ++i) taps[i] = load_lanes(w + i * channels, count);
    const StepScale of(taps, K * K, 1);
    // Integers as large as a sum: their high halves are those of a 16-bit product.
    for (int i = 0; i < K * K; ++i) {
      const auto integers = of.inverse * taps[i];
      for (int64_t lane = 0; lane < kLanes; ++lane)
        weight[i][lane] = static_cast<int32_t>(__builtin_rintf(integers[lane]));
    }
    scale = of.scale();
  }

  template <int S, bool whole>
  void convolve(const Pixels<uint8_t>& x, int64_t row, int64_t column, Lanes* out) const {
    for (int p = 0; p < kAtOnce; ++p) {
      LaneIntegers sum{};
      for (int64_t ky = x.first_row(row); ky < x.end_row(row, K); ++ky) {
        for (int64_t kx = 0; kx < K; ++kx) {
          const int64_t at = column + p * S + kx;
          if (!whole && (at < 0 || at >= x.width)) continue;
          const uint8_t* pixel = x.row(row + ky) + at * x.channels;
          LaneBytes bytes{};
          std::memcpy(&bytes, pixel, least(kLanes, x.count));
          sum += weight[ky * K + kx] * __builtin_convertvector(bytes, LaneIntegers);
        }
      }
      out[p] = to_lanes(sum) * scale + bias;
    }
  }

  static void store(uint8_t* to, Lanes value, int64_t count) { store_lanes(to, value, count); }

  LaneIntegers weight[K * K];
  Lanes scale, bias;
};
#endif

template <int K, class T>
struct KernelFor {
  using Type = PlainKernel<K, T>;
};
#if defined(__AVX512BF16__) && defined(ATTEND_AVX512)
template <int K>
struct KernelFor<K, BFloat16> {
  using Type = PairedKernel<K, Bf16Numbers>;
};
#endif
template <int K>
struct KernelFor<K, uint8_t> {
#if defined(ATTEND_AVX512) || defined(ATTEND_AVX2)
  using Type = PairedKernel<K, StepNumbers>;
#else
  using Type = StepKernel<K>;
#endif
};

template <class Kernel>
int64_t task_count(const Depthwise& d) {
  return (d.channels + Kernel::kChannels - 1) / Kernel::kChannels;
}

// All tasks of a band of output rows, one after the other: what the first brings into the cache the next find there.
int64_t band_rows(const Depthwise& d) { return most<int64_t>(8, 1024 / d.geometry.width); }
int64_t band_count(const Depthwise& d) { return (d.geometry.height + band_rows(d) - 1) / band_rows(d); }

template <int K, class T>
void prepare(const Depthwise& d, void* prepared) {
  using Kernel = typename KernelFor<K, T>::Type;
  auto* kernels = static_cast<Kernel*>(prepared);
  for (int64_t task = 0; task < task_count<Kernel>(d); ++task) {
    const int64_t channel = task * Kernel::kChannels;
    kernels[task] =
        Kernel(d.weight + channel, d.bias + channel, d.channels, least(d.channels - channel, Kernel::kChannels));
  }
}

template <int K, int S, class T>
void forward(const Depthwise& d, const void* prepared, int64_t begin, int64_t end) {
  using Kernel = typename KernelFor<K, T>::Type;
  const auto& g = d.geometry;
  const int64_t height = d.height, width = d.width, channels = d.channels;
  const int64_t tasks = task_count<Kernel>(d), band = band_rows(d), bands = band_count(d);
  const T* from = static_cast<const T*>(d.x);
  T* to = static_cast<T*>(d.y);
  for (int64_t unit = begin; unit < end; ++unit) {
    const Kernel& kernel = static_cast<const Kernel*>(prepared)[unit % tasks];
    const int64_t channel = unit % tasks * Kernel::kChannels, picture = unit / tasks / bands;
    const int64_t first = unit / tasks % bands * band, count = least(channels - channel, Kernel::kChannels);
    const Pixels<T> pixels{from + picture * height * width * channels + channel, height, width, channels, count};
    const bool filled = count == Kernel::kChannels || Kernel::kMasked;
    for (int64_t r = first; r < least(first + band, g.height); ++r) {
      T* target = to + (picture * g.height + r) * g.width * channels + channel;
      for (int64_t c = 0; c < g.width; c += kAtOnce) {
        const int64_t row = r * S - g.top, column = c * S - g.left;
        typename Kernel::Register out[kAtOnce];
        if (filled && column >= 0 && column + (kAtOnce - 1) * S + Kernel::kColumns <= width)
          kernel.template convolve<S, true>(pixels, row, column, out);
        else
          kernel.template convolve<S, false>(pixels, row, column, out);
        for (int64_t p = 0; p < least<int64_t>(kAtOnce, g.width - c); ++p)
          Kernel::store(target + (c + p) * channels, out[p], count);
      }
    }
  }
}

/// The memory of a thread on the way back.
struct BackwardScratch {
  BackwardScratch(const DepthwiseBackward& d, void* memory) {
    // The gradient of the input is the convolution of the gradient of the output, S - 1 zeros between its values, with
    // the kernel turned by half: output (r, c) stands at (down + r · S, across + c · S) of its plane.
    const auto& g = d.geometry;
    down = g.kernel - 1 - g.top;
    across = g.kernel - 1 - g.left;
    inputs.rows = most((g.height - 1) * g.stride + g.kernel, g.top + d.height);
    inputs.pitch = most((round_up(g.width, 4) - 1) * g.stride + g.kernel, g.left + d.width);
    outputs.rows = most(d.height - 1 + g.kernel, down + (g.height - 1) * g.stride + 1);
    outputs.pitch =
        most(round_up(d.width, kTogether) - 1 + g.kernel, across + (round_up(g.width, 4) - 1) * g.stride + 1);
    inputs.first = static_cast<Lanes*>(memory);
    outputs.first = inputs.first + inputs.lanes();
  }
  int64_t bytes() const { return (inputs.lanes() + outputs.lanes()) * static_cast<int64_t>(sizeof(Lanes)); }

  Plane inputs, outputs;
  int64_t down, across;
};

template <int K, int S, class T>
void backward(const DepthwiseBackward& d, void* scratch, int64_t begin, int64_t end) {
  const auto& g = d.geometry;
  const int64_t pictures = d.pictures, height = d.height, width = d.width, channels = d.channels, parts = d.parts;
  const int64_t tasks = (channels + kTaskChannels - 1) / kTaskChannels;
  const T *x_data = static_cast<const T*>(d.x), *y_data = static_cast<const T*>(d.y),
          *gy_data = static_cast<const T*>(d.gy);
  T* gx_data = static_cast<T*>(d.input);
  constexpr int kSums = K * K + 2;  // weight, bias, input bias
  const BackwardScratch memory(d, scratch);
  const auto &inputs = memory.inputs, &outputs = memory.outputs;
  const int64_t down = memory.down, across = memory.across;
  std::memset(scratch, 0, memory.bytes());
  for (int64_t unit = begin; unit < end; ++unit) {
    const Channels part(unit % tasks, channels);
    const int64_t number = unit / tasks;
    Lanes turned[kGroups][K * K], sum[kGroups][kSums] = {};
    for (int group = 0; group < part.groups(); ++group)
      for (int i = 0; i < K * K; ++i)
        turned[group][K * K - 1 - i] = load_lanes(d.weight + i * channels + part.offset(group), part.count(group));
    for (int64_t picture = pictures * number / parts; picture < pictures * (number + 1) / parts; ++picture) {
      for (int64_t r = 0; r < height; ++r) {
        const T* source = x_data + (picture * height + r) * width * channels;
        for (int group = 0; group < part.groups(); ++group) {
          Lanes* into = inputs.group(group) + (g.top + r) * inputs.pitch + g.left;
          const int64_t offset = part.offset(group), count = part.count(group);
          for (int64_t c = 0; c < width; ++c) into[c] = load_lanes(source + c * channels + offset, count);
        }
      }
      for (int64_t r = 0; r < g.height; ++r) {
        const int64_t row = (picture * g.height + r) * g.width * channels;
        for (int group = 0; group < part.groups(); ++group) {
          Lanes* into = outputs.group(group) + (down + r * S) * outputs.pitch + across;
          const int64_t offset = part.offset(group), count = part.count(group);
          for (int64_t c = 0; c < g.width; ++c) {
            const int64_t at = row + c * channels + offset;
            into[c * S] = relu6_gradient(load_lanes(gy_data + at, count), load_lanes(y_data + at, count));
          }
        }
      }
      for (int group = 0; group < part.groups(); ++group) {
        const Lanes* in = inputs.group(group);
        const Lanes* out = outputs.group(group);
        if (d.weighs)
          correlate<K, S>(in, inputs.pitch, out + down * outputs.pitch + across, outputs.pitch, g.height, g.width,
                          sum[group], sum[group][K * K]);
        if (!gx_data) continue;
        T* target = gx_data + picture * height * width * channels;
        const int64_t offset = part.offset(group), count = part.count(group);
        Lanes& input_bias = sum[group][K * K + 1];
        convolve<K>(out, outputs.pitch, turned[group], height, width, S, down, [&](int64_t r, int64_t c, Lanes value) {
          const Lanes activation = in[(g.top + r) * inputs.pitch + g.left + c];
          const Lanes masked = relu6_gradient(value, activation);
          input_bias += masked;
          store_lanes(target + (r * width + c) * channels + offset, masked, count);
        });
      }
    }
    for (int group = 0; group < part.groups(); ++group)
      for (int i = 0; i < kSums; ++i)
        store_lanes(d.sums + (number * kSums + i) * channels + part.offset(group), sum[group][i], part.count(group));
  }
}

/// Calls body<T>() for the storage at hand.
template <class Body>
[[gnu::always_inline]] inline auto with_storage(Storage storage, Body&& body) {
  if (storage == Storage::kByte) return body.template operator()<uint8_t>();
  if (storage == Storage::kBFloat16) return body.template operator()<BFloat16>();
  return body.template operator()<float>();
}

/// Calls body<K, S>() for the kernel and stride at hand.
template <class Body>
[[gnu::always_inline]] inline auto with_kernel(const DepthwiseGeometry& geometry, Body&& body) {
  if (geometry.kernel == 3)
    return geometry.stride == 1 ? body.template operator()<3, 1>() : body.template operator()<3, 2>();
  return geometry.stride == 1 ? body.template operator()<5, 1>() : body.template operator()<5, 2>();
}

}  // namespace

int64_t depthwise_prepared_bytes(const Depthwise& d) {
  return with_storage(d.storage, [&]<class T>() {
    return with_kernel(d.geometry, [&]<int K, int S>() {
      using Kernel = typename KernelFor<K, T>::Type;
      return task_count<Kernel>(d) * static_cast<int64_t>(sizeof(Kernel));
    });
  });
}

void depthwise_prepare(const Depthwise& d, void* prepared) {
  with_storage(d.storage,
               [&]<class T>() { with_kernel(d.geometry, [&]<int K, int S>() { prepare<K, T>(d, prepared); }); });
}

int64_t depthwise_units(const Depthwise& d) {
  return with_storage(
      d.storage, [&]<class T>() { return d.pictures * band_count(d) * task_count<typename KernelFor<3, T>::Type>(d); });
}

void depthwise_relu6(const Depthwise& d, const void* prepared, int64_t begin, int64_t end) {
  with_storage(d.storage, [&]<class T>() {
    with_kernel(d.geometry, [&]<int K, int S>() { forward<K, S, T>(d, prepared, begin, end); });
  });
}

int64_t depthwise_backward_units(const DepthwiseBackward& d) {
  return d.parts * ((d.channels + kTaskChannels - 1) / kTaskChannels);
}

int64_t depthwise_backward_scratch_bytes(const DepthwiseBackward& d) { return BackwardScratch(d, nullptr).bytes(); }

void depthwise_relu6_backward(const DepthwiseBackward& d, void* scratch, int64_t begin, int64_t end) {
  with_kernel(d.geometry, [&]<int K, int S>() {
    if (d.storage == Storage::kBFloat16)
      backward<K, S, BFloat16>(d, scratch, begin, end);
    else
      backward<K, S, float>(d, scratch, begin, end);
  });
}

}  // namespace attend::kernels::ATTEND_SET
