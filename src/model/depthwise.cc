#include "model/depthwise.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <vector>

#include "model/lanes.h"

namespace attend {
namespace {

// A task takes two groups of lanes: 32 channels, a cache line of bf16. Their part of a picture is copied as fp32 into a
// `Plane` with room for the padding around it, so the loops below know neither borders nor storage types.
constexpr int kGroups = 2;
constexpr int64_t kTaskChannels = kGroups * kLanes;
// Neighbouring outputs computed together: they share the inputs they read. Rows that are whole fives take fives.
constexpr int kTogether = 3, kMoreTogether = 5;

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

/// sum[r, c] = bias + Σ weight[ky, kx] · plane[r · S + ky, c · S + kx], handed to finish(r, c, sum). `dilation` 2 says
/// that only every second row of the plane, counted from `first_row`, holds anything but zeros.
template <int K, int S, int kTogether, class Finish>
void convolve(const Lanes* plane, int64_t pitch, const Lanes* weight, Lanes bias, int64_t rows, int64_t columns,
              int64_t dilation, int64_t first_row, Finish&& finish) {
  for (int64_t r = 0; r < rows; ++r) {
    const int64_t start = (r * S + first_row) % dilation;
    for (int64_t c = 0; c < columns; c += kTogether) {
      Lanes sum[kTogether];
      unroll<kTogether>([&](auto p) { sum[p] = bias; });
      for (int64_t ky = start; ky < K; ky += dilation) {
        const Lanes* in = plane + (r * S + ky) * pitch + c * S;
        const Lanes* w = weight + ky * K;
        unroll<(kTogether - 1) * S + K>([&](auto i) {
          const Lanes value = in[i];
          unroll<kTogether>([&](auto p) {
            constexpr int kx = i - p * S;
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

template <int K, int S, class T>
void forward(const DepthwiseGeometry& g, const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias,
             torch::Tensor& y) {
  const int64_t pictures = x.size(0), height = x.size(1), width = x.size(2), channels = x.size(3);
  const int64_t tasks = (channels + kTaskChannels - 1) / kTaskChannels;
  // A band of output rows a task keeps its plane in the second-level cache.
  const int64_t band = std::max<int64_t>(8, 1024 / g.width), bands = (g.height + band - 1) / band;
  const T* from = x.data_ptr<T>();
  T* to = y.data_ptr<T>();
  const float *w = weight.data_ptr<float>(), *b = bias.data_ptr<float>();

  const bool fives = g.width % kMoreTogether == 0;
  const int64_t columns = fives ? g.width : round_up(g.width, kTogether);

  at::parallel_for(0, pictures * bands * tasks, 1, [&](int64_t begin, int64_t end) {
    Plane plane((band - 1) * S + K, std::max((columns - 1) * S + K, g.left + width));
    for (int64_t unit = begin; unit < end; ++unit) {
      const Channels part(unit % tasks, channels);
      const int64_t first = unit / tasks % bands * band, rows = std::min(band, g.height - first);
      const int64_t picture = unit / tasks / bands;
      for (int64_t r = 0; r < (rows - 1) * S + K; ++r) {
        const int64_t row = first * S + r - g.top;
        const bool inside = row >= 0 && row < height;
        const T* source = from + (picture * height + row) * width * channels;
        for (int group = 0; group < part.groups(); ++group) {
          Lanes* into = plane.groups[group].data() + r * plane.pitch + g.left;
          const int64_t offset = part.offset(group), count = part.count(group);
          for (int64_t c = 0; c < width; ++c) {
            into[c] = inside ? load_lanes(source + c * channels + offset, count) : Lanes{};
          }
        }
      }
      T* target = to + (picture * g.height + first) * g.width * channels;
      for (int group = 0; group < part.groups(); ++group) {
        const int64_t offset = part.offset(group), count = part.count(group);
        const auto kernel = gather(w, K * K, channels, part, group);
        const Lanes start = load_lanes(b + offset, count);
        const auto finish = [&](int64_t r, int64_t c, Lanes sum) {
          store_lanes(target + (r * g.width + c) * channels + offset, relu6(sum), count);
        };
        const Lanes* in = plane.groups[group].data();
        if (fives)
          convolve<K, S, kMoreTogether>(in, plane.pitch, kernel.data(), start, rows, g.width, 1, 0, finish);
        else
          convolve<K, S, kTogether>(in, plane.pitch, kernel.data(), start, rows, g.width, 1, 0, finish);
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
          convolve<K, 1, kTogether>(out, outputs.pitch, turned[group].data(), Lanes{}, height, width, S, down,
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

/// Calls body<K, S, T>() for the kernel, stride and storage at hand.
template <class Body>
void dispatch(const DepthwiseGeometry& geometry, torch::ScalarType type, Body&& body) {
  const auto with_type = [&]<int K, int S>() {
    if (type == torch::kBFloat16) return body.template operator()<K, S, c10::BFloat16>();
    TORCH_CHECK(type == torch::kFloat, "depthwise_relu6: storage must be fp32 or bf16");
    return body.template operator()<K, S, float>();
  };
  TORCH_CHECK(geometry.stride == 1 || geometry.stride == 2, "depthwise_relu6: the stride must be 1 or 2");
  TORCH_CHECK(geometry.kernel == 3 || geometry.kernel == 5, "depthwise_relu6: the kernel must be 3 or 5");
  if (geometry.kernel == 3) {
    geometry.stride == 1 ? with_type.template operator()<3, 1>() : with_type.template operator()<3, 2>();
  } else {
    geometry.stride == 1 ? with_type.template operator()<5, 1>() : with_type.template operator()<5, 2>();
  }
}

}  // namespace

void depthwise_relu6(const DepthwiseGeometry& geometry, const torch::Tensor& x, const torch::Tensor& weight,
                     const torch::Tensor& bias, torch::Tensor& y) {
  dispatch(geometry, x.scalar_type(), [&]<int K, int S, class T>() { forward<K, S, T>(geometry, x, weight, bias, y); });
}

void depthwise_relu6_backward(const DepthwiseGeometry& geometry, const torch::Tensor& x, const torch::Tensor& y,
                              const torch::Tensor& gy, const torch::Tensor& weight, DepthwiseGradients& gradients) {
  dispatch(geometry, x.scalar_type(),
           [&]<int K, int S, class T>() { backward<K, S, T>(geometry, x, y, gy, weight, gradients); });
}

}  // namespace attend
