// What the elements of a view are.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "formats/tensor_view.h"

namespace attend::formats {

inline double half_value(uint16_t bits) {
  const int exponent = bits >> 10 & 31;
  const double size = exponent ? std::ldexp(1024 + (bits & 1023), exponent - 25) : std::ldexp(bits & 1023, -24);
  return bits >> 15 ? -size : size;
}

inline double element_value(ElementType type, const std::byte* at) {
  const auto read = [&](auto value) {
    std::memcpy(&value, at, sizeof value);
    return value;
  };
  switch (type) {
    case ElementType::kFloat64:
      return read(double{});
    case ElementType::kFloat32:
      return read(float{});
    case ElementType::kFloat16:
      return half_value(read(uint16_t{}));
    case ElementType::kBFloat16:
      return std::bit_cast<float>(static_cast<uint32_t>(read(uint16_t{})) << 16);
    case ElementType::kInt64:
      return static_cast<double>(read(int64_t{}));
    case ElementType::kInt32:
      return read(int32_t{});
    case ElementType::kInt16:
      return read(int16_t{});
    case ElementType::kInt8:
      return read(int8_t{});
    case ElementType::kUInt8:
    case ElementType::kBool:
      return read(uint8_t{});
  }
  return 0;
}

/// All elements, the last index running fastest. Every one of them is read where the view says that it lies.
inline std::vector<double> values_of(const TensorView& view) {
  std::vector<double> values;
  if (view.bytes.empty()) return values;
  std::vector<int64_t> index(view.shape.size());
  for (;;) {
    int64_t place = 0;
    for (size_t i = 0; i < index.size(); ++i) place += index[i] * view.strides[i];
    values.push_back(element_value(view.type, view.bytes.data() + place * size_of(view.type)));
    size_t i = index.size();
    while (i > 0 && ++index[i - 1] == view.shape[i - 1]) index[--i] = 0;
    if (i == 0) return values;
  }
}

inline const TensorView* find_view(const std::vector<TensorView>& views, const std::string& name) {
  for (const auto& view : views)
    if (view.name == name) return &view;
  return nullptr;
}

/// A tensor of its own: `values` in order, as the bytes of Ts.
template <class T>
TensorView make_view(std::string name, ElementType type, std::vector<int64_t> shape, const std::vector<T>& values) {
  const Buffer memory(values.size() * sizeof(T));
  if (!values.empty()) std::memcpy(memory.data.get(), values.data(), memory.size);
  const auto strides = row_major_strides(shape);
  return {std::move(name), type, std::move(shape), strides, memory.bytes(), memory.data};
}

}  // namespace attend::formats
