// LibTorch's types as kernels/ knows them.
#pragma once

#include <torch/torch.h>

#include "kernels/kernels.h"

namespace attend {

/// Throws c10::Error for types that no kernel computes with.
inline kernels::Storage storage_of(const torch::Tensor& tensor) {
  switch (tensor.scalar_type()) {
    case torch::kFloat:
      return kernels::Storage::kFloat;
    case torch::kBFloat16:
      return kernels::Storage::kBFloat16;
    case torch::kByte:
      return kernels::Storage::kByte;
    case torch::kDouble:
      return kernels::Storage::kDouble;
    default:
      TORCH_CHECK(false, "no kernel computes with ", tensor.scalar_type());
  }
}

}  // namespace attend
