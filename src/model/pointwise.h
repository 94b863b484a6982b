// What stands around the product of matrices that a convolution is: the rows it is made of, and the way back through
// bias and ReLU6 in one pass over memory. For processors.
//
// M rows (pictures x cells) · N channels
#pragma once

#include <torch/torch.h>

#include "kernels/kernels.h"

namespace attend {

/// The gradient before activation and bias, `out` [M, N], for gy, the gradient after them, and y, their result [M, N]
/// (undefined without an activation; then `out` may be undefined too: only the sum is wanted). Adds its sum over rows
/// to bias_gradient [N] fp32, in an order that depends on the shapes alone.
void bias_backward(const torch::Tensor& gy, const torch::Tensor& y, torch::Tensor out, torch::Tensor& bias_gradient);

/// Pictures as the rows of a matrix whose product with the weights is a 3x3 convolution: x u8 [B, H, W, 3] →
/// [B, height, width, kPatchColumns], values scaled to x / 127.5 - 1, zeros outside the picture; of type u8, as they are and
/// 128, nearly zero, outside. Columns are kernel row, kernel column, colour, then zeros up to whole lanes.
torch::Tensor extract_patches(const torch::Tensor& pictures, int64_t stride, int64_t top, int64_t left, int64_t height,
                              int64_t width, torch::ScalarType type);
using kernels::kPatchColumns;  // 32

}  // namespace attend
