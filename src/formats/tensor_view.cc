#include "formats/tensor_view.h"

#include <algorithm>

#include "base/error.h"

namespace attend::formats {

int64_t size_of(ElementType type) {
  switch (type) {
    case ElementType::kFloat64:
    case ElementType::kInt64:
      return 8;
    case ElementType::kFloat32:
    case ElementType::kInt32:
      return 4;
    case ElementType::kFloat16:
    case ElementType::kBFloat16:
    case ElementType::kInt16:
      return 2;
    case ElementType::kInt8:
    case ElementType::kUInt8:
    case ElementType::kBool:
      return 1;
  }
  return 1;
}

std::vector<int64_t> row_major_strides(const std::vector<int64_t>& shape) {
  std::vector<int64_t> strides(shape.size(), 1);
  for (size_t i = shape.size(); i > 1; --i) strides[i - 2] = strides[i - 1] * std::max<int64_t>(shape[i - 1], 1);
  return strides;
}

bool is_row_major(const TensorView& view) {
  if (view.bytes.empty()) return true;
  const auto plain = row_major_strides(view.shape);
  for (size_t i = 0; i < plain.size(); ++i)
    if (view.shape[i] != 1 && view.strides[i] != plain[i]) return false;
  return true;
}

void require_truth_values(std::span<const std::byte> bytes, const std::string& what) {
  if (std::any_of(bytes.begin(), bytes.end(), [](std::byte b) { return b > std::byte{1}; }))
    throw InputError(what + " has truth values that are neither 0 nor 1; the file is damaged");
}

}  // namespace attend::formats
