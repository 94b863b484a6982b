// A tensor as files hold it: what the formats hand to networks, and take from them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace attend::formats {

enum class ElementType { kFloat64, kFloat32, kFloat16, kBFloat16, kInt64, kInt32, kInt16, kInt8, kUInt8, kBool };

/// Bytes.
int64_t size_of(ElementType type);

/// Memory that isn't initialized.
struct Buffer {
  Buffer() = default;
  explicit Buffer(size_t count) : data(std::make_shared_for_overwrite<std::byte[]>(count)), size(count) {}
  std::span<std::byte> bytes() const { return {data.get(), size}; }

  std::shared_ptr<std::byte[]> data;
  size_t size = 0;
};

struct TensorView {
  std::string name;
  ElementType type;
  std::vector<int64_t> shape, strides;  // strides in elements, none below 0
  std::span<const std::byte> bytes;   // from the first element to the last, aligned; empty where there are no elements
  std::shared_ptr<const void> owner;  // keeps `bytes`; null where somebody else does
};

/// The strides of a tensor whose elements lie one after another, the last index running fastest.
std::vector<int64_t> row_major_strides(const std::vector<int64_t>& shape);

/// Whether the elements lie like that.
bool is_row_major(const TensorView& view);

/// Throws InputError, which begins with `what`, where truth values are neither 0 nor 1.
void require_truth_values(std::span<const std::byte> bytes, const std::string& what);

}  // namespace attend::formats
