#include "model/pointwise.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cstring>
#include <numeric>
#include <vector>

#include "model/lanes.h"

namespace attend {
namespace {

// Rows are walked in groups that are whole numbers of lanes, so that channels that aren't (24, 88, 120) cost nothing.
struct RowGroups {
  explicit RowGroups(const torch::Tensor& rows)
      : channels(rows.size(-1)),
        total(rows.numel()),
        size(kLanes / std::gcd(channels, kLanes) * channels),
        count((total + size - 1) / size) {}
  int64_t lanes() const { return size / kLanes; }
  int64_t channels, total;
  int64_t size;   // values in a group
  int64_t count;  // groups, the last one perhaps shorter
};

/// Calls body(T{}) with the storage type of `tensor`.
template <class Body>
void with_type(const torch::Tensor& tensor, Body&& body) {
  if (tensor.scalar_type() == torch::kBFloat16) return body(c10::BFloat16{});
  TORCH_CHECK(tensor.scalar_type() == torch::kFloat, "pointwise: storage must be fp32 or bf16");
  body(float{});
}

template <class In, class Activated, class Out>
void bias_backward(const torch::Tensor& gy, const torch::Tensor& y, torch::Tensor& out, torch::Tensor& bias_gradient) {
  const RowGroups groups(gy);
  const In* from = gy.data_ptr<In>();
  const Activated* activated = y.defined() ? y.data_ptr<Activated>() : nullptr;
  Out* to = out.defined() ? out.data_ptr<Out>() : nullptr;
  const int64_t parts = std::min<int64_t>(groups.count, 16);
  std::vector<Lanes> sums(parts * groups.lanes());
  at::parallel_for(0, parts, 1, [&](int64_t begin, int64_t end) {
    for (int64_t part = begin; part < end; ++part) {
      Lanes* sum = sums.data() + part * groups.lanes();
      for (int64_t group = groups.count * part / parts; group < groups.count * (part + 1) / parts; ++group) {
        for (int64_t i = 0; i < groups.lanes(); ++i) {
          const int64_t at = group * groups.size + i * kLanes, count = groups.total - at;
          if (count <= 0) break;
          Lanes value = load_lanes(from + at, count);
          if (activated) value = relu6_gradient(value, load_lanes(activated + at, count));
          sum[i] += value;
          if (to) store_lanes(to + at, value, count);
        }
      }
    }
  });
  float* total = bias_gradient.data_ptr<float>();
  for (int64_t part = 0; part < parts; ++part) {
    for (int64_t i = 0; i < groups.size; ++i) {
      total[i % groups.channels] += sums[part * groups.lanes() + i / kLanes][i % kLanes];
    }
  }
}

/// line = source / 127.5 - 1.
template <class T>
void scale(const uint8_t* source, int64_t count, T* line) {
  using Bytes = uint8_t __attribute__((vector_size(kLanes)));
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    Bytes bytes;
    std::memcpy(&bytes, source + i, sizeof bytes);
    store_lanes(line + i, __builtin_convertvector(bytes, Lanes) / 127.5f - 1.0f);
  }
  for (; i < count; ++i) line[i] = static_cast<T>(static_cast<float>(source[i]) / 127.5f - 1);
}

void scale(const uint8_t* source, int64_t count, uint8_t* line) { std::memcpy(line, source, count); }

template <class T>
void extract_patches(const torch::Tensor& pictures, int64_t stride, int64_t top, int64_t left, torch::Tensor& patches) {
  constexpr int64_t kKernel = 3, kRow = kKernel * 3;
  const auto outside = static_cast<T>(std::is_same_v<T, uint8_t> ? 128.0f : 0.0f);
  const int64_t rows = pictures.size(1), row_values = pictures.size(2) * 3;
  const int64_t height = patches.size(1), width = patches.size(2);
  const uint8_t* from = pictures.data_ptr<uint8_t>();
  T* to = patches.data_ptr<T>();
  const int64_t wide = std::max((width - 1) * stride + kKernel, left + pictures.size(2)) * 3;
  at::parallel_for(0, pictures.size(0) * height, 8, [&](int64_t begin, int64_t end) {
    std::vector<T> lines(kKernel * wide, outside);  // the scaled rows under the kernel, with their borders
    for (int64_t index = begin; index < end; ++index) {
      const int64_t picture = index / height, first = index % height * stride - top;
      for (int64_t ky = 0; ky < kKernel; ++ky) {
        T* line = lines.data() + ky * wide + left * 3;
        const int64_t row = first + ky;
        if (row < 0 || row >= rows)
          std::fill_n(line, row_values, outside);
        else
          scale(from + (picture * rows + row) * row_values, row_values, line);
      }
      for (int64_t c = 0; c < width; ++c) {
        T* patch = to + (index * width + c) * kPatchColumns;
        const T* corner = lines.data() + c * stride * 3;
        for (int64_t ky = 0; ky < kKernel; ++ky) std::memcpy(patch + ky * kRow, corner + ky * wide, kRow * sizeof(T));
        std::memset(patch + kKernel * kRow, 0, (kPatchColumns - kKernel * kRow) * sizeof(T));
      }
    }
  });
}

}  // namespace

void bias_backward(const torch::Tensor& gy, const torch::Tensor& y, torch::Tensor out, torch::Tensor& bias_gradient) {
  with_type(gy, [&]<class In>(In) {
    with_type(y.defined() ? y : gy, [&]<class Activated>(Activated) {
      with_type(out.defined() ? out : gy,
                [&]<class Out>(Out) { bias_backward<In, Activated, Out>(gy, y, out, bias_gradient); });
    });
  });
}

torch::Tensor extract_patches(const torch::Tensor& pictures, int64_t stride, int64_t top, int64_t left, int64_t height,
                              int64_t width, torch::ScalarType type) {
  auto patches = torch::empty({pictures.size(0), height, width, kPatchColumns}, type);  // [B, height, width, 32]
  if (type == torch::kByte)
    extract_patches<uint8_t>(pictures, stride, top, left, patches);
  else
    with_type(patches, [&]<class T>(T) { extract_patches<T>(pictures, stride, top, left, patches); });
  return patches;
}

}  // namespace attend
