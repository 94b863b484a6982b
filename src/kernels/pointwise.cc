#include "kernels/lanes.h"
#include "kernels/set.h"

namespace attend::kernels::ATTEND_SET {
namespace {

template <class In, class Activated, class Out>
void activation_backward_of(const ActivationBackward& a, int64_t first_part, int64_t last_part) {
  // Rows are walked in groups that are whole numbers of lanes, so that channels that aren't (24, 88, 120) cost nothing.
  const int64_t total = a.rows * a.channels, size = activation_group(a.channels), count = (total + size - 1) / size;
  const In* from = static_cast<const In*>(a.gy);
  const Activated* activated = static_cast<const Activated*>(a.y);
  Out* to = static_cast<Out*>(a.out);
  for (int64_t part = first_part; part < last_part; ++part) {
    float* sums = a.sums + part * size;
    for (int64_t group = count * part / a.parts; group < count * (part + 1) / a.parts; ++group) {
      for (int64_t i = 0; i < size; i += kLanes) {
        const int64_t at = group * size + i, left = total - at;
        if (left <= 0) break;
        Lanes value = load_lanes(from + at, left);
        if (activated) value = relu6_gradient(value, load_lanes(activated + at, left));
        store_lanes(sums + i, load_lanes(sums + i) + value);
        if (to) store_lanes(to + at, value, left);
      }
    }
  }
}

template <class Body>
[[gnu::always_inline]] inline void with_storage(Storage storage, Body&& body) {
  storage == Storage::kBFloat16 ? body.template operator()<BFloat16>() : body.template operator()<float>();
}

/// line = source / 127.5 - 1.
template <class T>
void scale(const uint8_t* source, int64_t count, T* line) {
  for (int64_t i = 0; i < count; i += kLanes) {
    LaneBytes bytes{};
    if (count - i >= kLanes)
      std::memcpy(&bytes, source + i, sizeof bytes);
    else
      std::memcpy(&bytes, source + i, count - i);
    store_lanes(line + i, to_lanes(bytes) / 127.5f - 1.0f, count - i);
  }
}

void scale(const uint8_t* source, int64_t count, uint8_t* line) { std::memcpy(line, source, count); }

template <class T>
void extract_patches_as(const Patches& p, T outside, T* lines, int64_t begin, int64_t end) {
  constexpr int64_t kKernel = 3, kRow = kKernel * 3;
  const int64_t row_values = p.columns * 3, wide = p.line_values();
  T* to = static_cast<T*>(p.patches);
  for (int64_t i = 0; i < kKernel * wide; ++i)
    lines[i] = outside;  // the scaled rows under the kernel, with their borders
  for (int64_t index = begin; index < end; ++index) {
    const int64_t picture = index / p.height, first = index % p.height * p.stride - p.top;
    for (int64_t ky = 0; ky < kKernel; ++ky) {
      T* line = lines + ky * wide + p.left * 3;
      const int64_t row = first + ky;
      if (row < 0 || row >= p.rows)
        for (int64_t i = 0; i < row_values; ++i) line[i] = outside;
      else
        scale(p.pictures + (picture * p.rows + row) * row_values, row_values, line);
    }
    for (int64_t c = 0; c < p.width; ++c) {
      T* patch = to + (index * p.width + c) * kPatchColumns;
      const T* corner = lines + c * p.stride * 3;
      for (int64_t ky = 0; ky < kKernel; ++ky) std::memcpy(patch + ky * kRow, corner + ky * wide, kRow * sizeof(T));
      std::memset(patch + kKernel * kRow, 0, (kPatchColumns - kKernel * kRow) * sizeof(T));
    }
  }
}

}  // namespace

int64_t activation_group(int64_t channels) {
  int64_t common = kLanes;  // a power of two
  while (channels % common != 0) common /= 2;
  return kLanes / common * channels;
}

void activation_backward(const ActivationBackward& a, int64_t first_part, int64_t last_part) {
  with_storage(a.gy_storage, [&]<class In>() {
    with_storage(a.y_storage, [&]<class Activated>() {
      with_storage(a.out_storage,
                   [&]<class Out>() { activation_backward_of<In, Activated, Out>(a, first_part, last_part); });
    });
  });
}

void extract_patches(const Patches& p, void* lines, int64_t begin, int64_t end) {
  if (p.storage == Storage::kByte)
    extract_patches_as<uint8_t>(p, 128, static_cast<uint8_t*>(lines), begin, end);
  else if (p.storage == Storage::kBFloat16)
    extract_patches_as<BFloat16>(p, BFloat16{}, static_cast<BFloat16*>(lines), begin, end);
  else
    extract_patches_as<float>(p, 0, static_cast<float*>(lines), begin, end);
}

}  // namespace attend::kernels::ATTEND_SET
