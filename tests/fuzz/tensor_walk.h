// Tensors as formats hand them out: every element that a view promises is read.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <vector>

#include "formats/tensor_view.h"

namespace attend::fuzz {

/// Reads the first and the last byte of every view, and of every view whatever lies between in steps; ends the program where
/// a view promises more than its bytes.
inline void walk(const std::vector<formats::TensorView>& views) {
  static volatile unsigned sum = 0;
  for (const auto& view : views) {
    if (view.shape.size() != view.strides.size()) std::abort();
    int64_t last = 0, count = 1;
    for (size_t i = 0; i < view.shape.size(); ++i) {
      if (view.shape[i] < 0 || view.strides[i] < 0) std::abort();
      count = view.shape[i] == 0 ? 0 : count;
      last += (view.shape[i] - 1) * view.strides[i];
    }
    if (count == 0) continue;
    const int64_t size = formats::size_of(view.type), needed = (last + 1) * size;
    if (needed > static_cast<int64_t>(view.bytes.size())) std::abort();
    if (reinterpret_cast<uintptr_t>(view.bytes.data()) % static_cast<uintptr_t>(size) != 0) std::abort();
    for (int64_t at = 0; at < needed; at += 1 + needed / 64)
      sum = sum + static_cast<unsigned>(view.bytes[static_cast<size_t>(at)]);
    sum = sum + static_cast<unsigned>(view.bytes[static_cast<size_t>(needed - 1)]);
  }
}

}  // namespace attend::fuzz
