#include "model/depthwise.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <vector>

#include "model/int8_product.h"
#include "model/lanes.h"

namespace attend {
namespace {

// Neighbouring outputs computed together: they share the inputs they read, and their sums stay in registers.
#ifdef __AVX512F__
constexpr int kAtOnce = 5;
#else
constexpr int kAtOnce = 3;
#endif

// On the way back a task takes two groups of lanes: 32 channels, a cache line of bf16. Their part of a picture is copied as
// fp32 into a `Plane` with room for the padding around it, so the loops below know neither borders nor storage types.
constexpr int kGroups = 2;
constexpr int64_t kTaskChannels = kGroups * kLanes;
constexpr int kTogether = 3;

int64_t round_up(int64_t value, int64_t step) { return (value + step - 1) / step * step; }

struct Plane {
  Plane(int64_t row_count, int64_t column_count) : rows(row_count), pitch(column_count) {
    for (auto& group : groups) group.resize(rows * pitch);
  }
  int64_t rows, pitch;
  std::vector<Lanes> groups[kGroups];
};

/// The channels of one task within a row of channels.
struct Channels {
  Channels(int64_t task, int64_t channels) : first(task * kTaskChannels), left(channels - first) {}
  int groups() const { return left > kLanes ? 2 : 1; }
  int64_t count(int group) const { return std::min(kLanes, left - group * kLanes); }
  int64_t offset(int group) const { return first + group * kLanes; }
  int64_t first, left;
};

template <class T>
std::vector<Lanes> gather(const T* values, int64_t rows, int64_t channels, const Channels& part, int group) {
  std::vector<Lanes> lanes(rows);
  for (int64_t i = 0; i < rows; ++i) {
    lanes[i] = load_lanes(values + i * channels + part.offset(group), part.count(group));
  }
  return lanes;
}

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
        unroll<kTogether - 1 + K>([&](auto i) {
          const Lanes value = in[i];
          unroll<kTogether>([&](auto p) {
            constexpr int kx = i - p;
            if constexpr (kx >= 0 && kx < K) sum[p] += w[kx] * value;
          });
        });
      }
      unroll<kTogether>([&](auto p) {
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
        unroll<4>([&](auto p) { step[p] = g[(c + p) * S]; });
        unroll<3 * S + K>([&](auto i) {
          const Lanes value = in[c * S + i];
          unroll<4>([&](auto p) {
            constexpr int kx = i - p * S;
            if constexpr (kx >= 0 && kx < K) (p % 2 ? odd : even)[kx] += step[p] * value;
          });
        });
      }
      unroll<K>([&](auto kx) { weight[ky * K + kx] += even[kx] + odd[kx]; });
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
  int64_t first_row(int64_t row) const { return std::max<int64_t>(0, -row); }
  int64_t end_row(int64_t row, int64_t kernel) const { return std::min(kernel, height - row); }
};

/// A kernel's weights and bias for 16 channels, computed with in fp32.
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
    unroll<kAtOnce>([&](auto p) { sum[p] = bias; });
    for (int64_t ky = x.first_row(row); ky < x.end_row(row, K); ++ky) {
      const T* pixel = x.row(row + ky) + column * channels;
      unroll<(kAtOnce - 1) * S + K>([&](auto i) {
        Lanes value{};
        if constexpr (whole)
          value = load_lanes(pixel);
        else if (column + i >= 0 && column + i < x.width)
          value = load_lanes(pixel, x.count);
        pixel += channels;
        unroll<kAtOnce>([&](auto p) {
          constexpr int kx = i - p * S;
          if constexpr (kx >= 0 && kx < K) sum[p] += weight[ky * K + kx] * value;
        });
      });
    }
    unroll<kAtOnce>([&](auto p) { out[p] = relu6(sum[p]); });
  }

  static void store(T* to, Lanes value, int64_t count) { store_lanes(to, value, count); }

  Lanes weight[K * K], bias;
};

#if defined(__AVX512BF16__) || defined(__AVX512VNNI__)
/// The values of 32 channels, in the order in which pairs of pixels leave them in the halves of their sums: pixels are paired
/// within quarters of a register.
struct Halves {
  Halves(Lanes first, Lanes second) {
    const auto a = reinterpret_cast<__m512>(first), b = reinterpret_cast<__m512>(second);
    const auto of_low = _mm512_set_epi32(27, 26, 25, 24, 19, 18, 17, 16, 11, 10, 9, 8, 3, 2, 1, 0);
    low = _mm512_permutex2var_ps(a, of_low, b);
    high = _mm512_permutex2var_ps(a, _mm512_add_epi32(of_low, _mm512_set1_epi32(4)), b);
  }
  __m512 low, high;
};

/// 32 channels of a pixel, or a weight of each: 16 bits each.
struct HalfLanes {
  HalfLaneBits first, second;
  __m512i bits() const { return _mm512_loadu_si512(this); }
};
#endif

#ifdef __AVX512BF16__
/// How PairedKernel computes in bf16.
struct Bf16Numbers {
  using Storage = c10::BFloat16;
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

#ifdef __AVX512VNNI__
/// How PairedKernel computes with pixels in ReLU6's steps: weights in 16 bits with a scale a channel, exact sums.
struct StepNumbers {
  using Storage = uint8_t;
  using Sum = __m512i;
  using Register = __m256i;

  StepNumbers(const Lanes (*weights)[2], int count, const Lanes* of_bias)
      : inverse{inverse_scale(weights, count, 0), inverse_scale(weights, count, 1)},
        scale(1 / inverse[0], 1 / inverse[1]),
        bias(of_bias[0] / kRelu6Step, of_bias[1] / kRelu6Step) {}

  /// 25 times 255 times the largest weight stay below 2^31.
  static Lanes inverse_scale(const Lanes (*weights)[2], int count, int half) {
    Lanes most = splat(1e-20f);
    for (int i = 0; i < count; ++i) {
      const Lanes size = weights[i][half] < 0 ? -weights[i][half] : weights[i][half];
      most = size > most ? size : most;
    }
    return 32767 / most;
  }
  __m512i rounded(const Lanes* weight) const {
    const auto whole = [&](int half) {
      const auto integers = _mm512_maskz_cvtps_epi32(0xffff, reinterpret_cast<__m512>(weight[half] * inverse[half]));
      return reinterpret_cast<HalfLaneBits>(_mm512_maskz_cvtsepi32_epi16(0xffff, integers));
    };
    return HalfLanes{whole(0), whole(1)}.bits();
  }
  static __m512i load(const Storage* from, __mmask32 wanted) {
    return _mm512_maskz_cvtepu8_epi16(0xffffffff, _mm256_maskz_loadu_epi8(wanted, from));
  }
  static Sum low() { return _mm512_setzero_si512(); }
  static Sum high() { return _mm512_setzero_si512(); }
  static Sum add_products(Sum sum, __m512i a, __m512i b) { return _mm512_dpwssd_epi32(sum, a, b); }
  Register finish(Sum low, Sum high) const {
    const auto steps = [](Sum sum, __m512 of_scale, __m512 of_bias) {
      return _mm512_maskz_cvtps_epi32(0xffff, _mm512_maskz_cvtepi32_ps(0xffff, sum) * of_scale + of_bias);
    };
    // Both ways to narrow cut off what is below 0 or above 255: ReLU6.
    const auto both = _mm512_packus_epi32(steps(low, scale.low, bias.low), steps(high, scale.high, bias.high));
    return _mm512_maskz_cvtusepi16_epi8(0xffffffff, both);
  }
  static void store(Storage* to, Register value, int64_t count) {
    if (count == 2 * kLanes) return _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), value);
    std::memcpy(to, &value, count);
  }

  Lanes inverse[2];
  Halves scale, bias;
};
#endif

#if defined(__AVX512BF16__) || defined(__AVX512VNNI__)
/// The same as PlainKernel for 32 channels of 16 bits. One instruction adds the products of two neighbouring pixels with two
/// weights: rows of the kernel are filled up with a 0 to whole pairs.
template <int K, class Numbers>
struct PairedKernel {
  static constexpr int64_t kChannels = 2 * kLanes;
  static constexpr bool kMasked = true;
  static constexpr int kPairs = (K + 1) / 2, kColumns = 2 * kPairs;
  using Storage = typename Numbers::Storage;
  using Register = typename Numbers::Register;
  struct Pairs {
    __m512i low, high;
  };

  PairedKernel(const float* w, const float* b, int64_t channels, int64_t count) : PairedKernel(Taps(w, b, channels, count)) {}

  template <int S, bool whole>
  [[gnu::always_inline]] void convolve(const Pixels<Storage>& x, int64_t row, int64_t column, Register* out) const {
    const auto wanted = static_cast<__mmask32>((uint64_t{1} << x.count) - 1);
    const int64_t channels = x.channels;
    typename Numbers::Sum low[kAtOnce], high[kAtOnce];
    unroll<kAtOnce>([&](auto p) {
      low[p] = numbers.low();
      high[p] = numbers.high();
    });
    for (int64_t ky = x.first_row(row); ky < x.end_row(row, K); ++ky) {
      const auto* pixels = x.row(row + ky) + column * channels;
      const Pairs* of_row = weight[ky];
      __m512i next = pixel<whole>(x, pixels, column, wanted);
      unroll<(kAtOnce - 1) * S + kColumns - 1>([&](auto i) {
        const __m512i here = next;
        pixels += channels;
        next = pixel<whole>(x, pixels, column + i + 1, wanted);
        if constexpr (i % S == 0) {
          const Pairs both = pair(here, next);
          unroll<kAtOnce>([&](auto p) {
            constexpr int kx = i - p * S;
            if constexpr (kx >= 0 && kx < K && kx % 2 == 0) {
              low[p] = Numbers::add_products(low[p], both.low, of_row[kx / 2].low);
              high[p] = Numbers::add_products(high[p], both.high, of_row[kx / 2].high);
            }
          });
        }
      });
    }
    unroll<kAtOnce>([&](auto p) { out[p] = numbers.finish(low[p], high[p]); });
  }

  static void store(Storage* to, Register value, int64_t count) { Numbers::store(to, value, count); }

  template <bool whole>
  [[gnu::always_inline]] static __m512i pixel(const Pixels<Storage>& x, const Storage* at, int64_t column,
                                              __mmask32 wanted) {
    if (!whole && (column < 0 || column >= x.width)) return _mm512_setzero_si512();
    return Numbers::load(at, wanted);
  }
  [[gnu::always_inline]] static Pairs pair(__m512i left, __m512i right) {
    return {_mm512_unpacklo_epi16(left, right), _mm512_unpackhi_epi16(left, right)};
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
        weight[row][i] = pair(left, 2 * i + 1 < K ? numbers.rounded(tap[1]) : _mm512_setzero_si512());
      }
    }
  }
};
#endif

template <int K, class T>
struct KernelFor {
  using Type = PlainKernel<K, T>;
};
#ifdef __AVX512BF16__
template <int K>
struct KernelFor<K, c10::BFloat16> {
  using Type = PairedKernel<K, Bf16Numbers>;
};
#endif
#ifdef __AVX512VNNI__
template <int K>
struct KernelFor<K, uint8_t> {
  using Type = PairedKernel<K, StepNumbers>;
};
#endif

template <int K, int S, class T>
void forward(const DepthwiseGeometry& g, const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias,
             torch::Tensor& y) {
  using Kernel = typename KernelFor<K, T>::Type;
  const int64_t pictures = x.size(0), height = x.size(1), width = x.size(2), channels = x.size(3);
  const int64_t tasks = (channels + Kernel::kChannels - 1) / Kernel::kChannels;
  // All tasks of a band of output rows, one after the other: what the first brings into the cache the next find there.
  const int64_t band = std::max<int64_t>(8, 1024 / g.width), bands = (g.height + band - 1) / band;
  const T* from = x.data_ptr<T>();
  T* to = y.data_ptr<T>();
  std::vector<Kernel> kernels;
  for (int64_t channel = 0; channel < channels; channel += Kernel::kChannels) {
    kernels.emplace_back(weight.data_ptr<float>() + channel, bias.data_ptr<float>() + channel, channels,
                         std::min(channels - channel, Kernel::kChannels));
  }

  at::parallel_for(0, pictures * bands * tasks, 1, [&](int64_t begin, int64_t end) {
    for (int64_t unit = begin; unit < end; ++unit) {
      const Kernel& kernel = kernels[unit % tasks];
      const int64_t channel = unit % tasks * Kernel::kChannels, picture = unit / tasks / bands;
      const int64_t first = unit / tasks % bands * band, count = std::min(channels - channel, Kernel::kChannels);
      const Pixels<T> pixels{from + picture * height * width * channels + channel, height, width, channels, count};
      const bool filled = count == Kernel::kChannels || Kernel::kMasked;
      for (int64_t r = first; r < std::min(first + band, g.height); ++r) {
        T* target = to + (picture * g.height + r) * g.width * channels + channel;
        for (int64_t c = 0; c < g.width; c += kAtOnce) {
          const int64_t row = r * S - g.top, column = c * S - g.left;
          typename Kernel::Register out[kAtOnce];
          if (filled && column >= 0 && column + (kAtOnce - 1) * S + Kernel::kColumns <= width)
            kernel.template convolve<S, true>(pixels, row, column, out);
          else
            kernel.template convolve<S, false>(pixels, row, column, out);
          for (int64_t p = 0; p < std::min<int64_t>(kAtOnce, g.width - c); ++p)
            Kernel::store(target + (c + p) * channels, out[p], count);
        }
      }
    }
  });
}

template <int K, int S, class T>
void backward(const DepthwiseGeometry& g, const torch::Tensor& x, const torch::Tensor& y, const torch::Tensor& gy,
              const torch::Tensor& weight, DepthwiseGradients& gradients) {
  const int64_t pictures = x.size(0), height = x.size(1), width = x.size(2), channels = x.size(3);
  const int64_t tasks = (channels + kTaskChannels - 1) / kTaskChannels;
  const T *x_data = x.data_ptr<T>(), *y_data = y.data_ptr<T>(), *gy_data = gy.data_ptr<T>();
  const bool weighs = gradients.weight.defined();
  T* gx_data = gradients.input.defined() ? gradients.input.data_ptr<T>() : nullptr;
  const float* w = weight.data_ptr<float>();
  // Sums over pictures are made in a fixed number of parts, whatever the number of threads.
  const int64_t parts = std::min<int64_t>(pictures, 8);
  const int64_t sums = K * K + 2;                                       // weight, bias, input bias
  auto partial = torch::zeros({parts, sums, channels}, torch::kFloat);  // [parts, sums, C]
  float* partial_data = partial.data_ptr<float>();
  // The gradient of the input is the convolution of the gradient of the output, S - 1 zeros between its values, with
  // the kernel turned by half: output (r, c) stands at (down + r · S, across + c · S) of its plane.
  const int64_t down = K - 1 - g.top, across = K - 1 - g.left;

  at::parallel_for(0, parts * tasks, 1, [&](int64_t begin, int64_t end) {
    Plane inputs(std::max((g.height - 1) * S + K, g.top + height),
                 std::max((round_up(g.width, 4) - 1) * S + K, g.left + width));
    Plane outputs(std::max(height - 1 + K, down + (g.height - 1) * S + 1),
                  std::max(round_up(width, kTogether) - 1 + K, across + (round_up(g.width, 4) - 1) * S + 1));
    for (int64_t unit = begin; unit < end; ++unit) {
      const Channels part(unit % tasks, channels);
      const int64_t number = unit / tasks;
      std::vector<Lanes> turned[kGroups], sum[kGroups];
      for (int group = 0; group < part.groups(); ++group) {
        turned[group] = gather(w, K * K, channels, part, group);
        std::reverse(turned[group].begin(), turned[group].end());
        sum[group].resize(sums);
      }
      for (int64_t picture = pictures * number / parts; picture < pictures * (number + 1) / parts; ++picture) {
        for (int64_t r = 0; r < height; ++r) {
          const T* source = x_data + (picture * height + r) * width * channels;
          for (int group = 0; group < part.groups(); ++group) {
            Lanes* into = inputs.groups[group].data() + (g.top + r) * inputs.pitch + g.left;
            const int64_t offset = part.offset(group), count = part.count(group);
            for (int64_t c = 0; c < width; ++c) into[c] = load_lanes(source + c * channels + offset, count);
          }
        }
        for (int64_t r = 0; r < g.height; ++r) {
          const int64_t row = (picture * g.height + r) * g.width * channels;
          for (int group = 0; group < part.groups(); ++group) {
            Lanes* into = outputs.groups[group].data() + (down + r * S) * outputs.pitch + across;
            const int64_t offset = part.offset(group), count = part.count(group);
            for (int64_t c = 0; c < g.width; ++c) {
              const int64_t at = row + c * channels + offset;
              into[c * S] = relu6_gradient(load_lanes(gy_data + at, count), load_lanes(y_data + at, count));
            }
          }
        }
        for (int group = 0; group < part.groups(); ++group) {
          const Lanes* in = inputs.groups[group].data();
          const Lanes* out = outputs.groups[group].data();
          if (weighs) correlate<K, S>(in, inputs.pitch, out + down * outputs.pitch + across, outputs.pitch, g.height, g.width,
                          sum[group].data(), sum[group][K * K]);
          if (!gx_data) continue;
          T* target = gx_data + picture * height * width * channels;
          const int64_t offset = part.offset(group), count = part.count(group);
          Lanes& input_bias = sum[group][K * K + 1];
          convolve<K>(out, outputs.pitch, turned[group].data(), height, width, S, down,
                      [&](int64_t r, int64_t c, Lanes value) {
                        const Lanes activation = in[(g.top + r) * inputs.pitch + g.left + c];
                        const Lanes masked = relu6_gradient(value, activation);
                        input_bias += masked;
                        store_lanes(target + (r * width + c) * channels + offset, masked, count);
                      });
        }
      }
      for (int group = 0; group < part.groups(); ++group) {
        for (int64_t i = 0; i < sums; ++i) {
          store_lanes(partial_data + (number * sums + i) * channels + part.offset(group), sum[group][i],
                      part.count(group));
        }
      }
    }
  });
  const auto total = partial.sum(0);  // [sums, C]
  if (weighs) {
    gradients.weight.add_(total.narrow(0, 0, K * K).view_as(gradients.weight));
    gradients.bias.add_(total[K * K]);
  }
  if (gradients.input_bias.defined()) gradients.input_bias.add_(total[K * K + 1]);
}

/// Calls body<K, S>() for the kernel and stride at hand.
template <class Body>
void dispatch(const DepthwiseGeometry& geometry, Body&& body) {
  TORCH_CHECK(geometry.stride == 1 || geometry.stride == 2, "depthwise_relu6: the stride must be 1 or 2");
  TORCH_CHECK(geometry.kernel == 3 || geometry.kernel == 5, "depthwise_relu6: the kernel must be 3 or 5");
  if (geometry.kernel == 3) {
    geometry.stride == 1 ? body.template operator()<3, 1>() : body.template operator()<3, 2>();
  } else {
    geometry.stride == 1 ? body.template operator()<5, 1>() : body.template operator()<5, 2>();
  }
}

}  // namespace

void depthwise_relu6(const DepthwiseGeometry& geometry, const torch::Tensor& x, const torch::Tensor& weight,
                     const torch::Tensor& bias, torch::Tensor& y) {
  const auto type = x.scalar_type();
  dispatch(geometry, [&]<int K, int S>() {
#ifdef __AVX512VNNI__
    if (type == torch::kByte) return forward<K, S, uint8_t>(geometry, x, weight, bias, y);
#endif
    if (type == torch::kBFloat16) return forward<K, S, c10::BFloat16>(geometry, x, weight, bias, y);
    TORCH_CHECK(type == torch::kFloat, "depthwise_relu6: ", type, " is no storage this build computes with");
    forward<K, S, float>(geometry, x, weight, bias, y);
  });
}

void depthwise_relu6_backward(const DepthwiseGeometry& geometry, const torch::Tensor& x, const torch::Tensor& y,
                              const torch::Tensor& gy, const torch::Tensor& weight, DepthwiseGradients& gradients) {
  dispatch(geometry, [&]<int K, int S>() {
    if (x.scalar_type() == torch::kBFloat16)
      return backward<K, S, c10::BFloat16>(geometry, x, y, gy, weight, gradients);
    TORCH_CHECK(x.scalar_type() == torch::kFloat, "depthwise_relu6_backward: storage must be fp32 or bf16");
    backward<K, S, float>(geometry, x, y, gy, weight, gradients);
  });
}

}  // namespace attend
