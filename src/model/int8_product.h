// Products of matrices in 8-bit integers, for processors with instructions for them: up to four products and their sum a lane,
// several times the rate of fp32. For the blocks of EfficientNet-Lite, whose ReLU6 bounds what is multiplied (Jacob et al. 2018,
// "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference"). The sums are exact: every set
// of instructions computes the same.
//
// M rows (pictures x cells) · I inputs · O outputs
#pragma once

#include <torch/torch.h>

#include "kernels/kernels.h"
#include "model/product.h"

namespace attend {

using kernels::kRelu6Step;

/// A matrix [O, I] for multiply_int8(): a flat tensor of int8. Each row is divided by a scale of its own, its largest value
/// by 127, and rounded to the nearest. I is a multiple of 4.
torch::Tensor pack_int8_matrix(const torch::Tensor& matrix);

/// Rows in steps of their own.
struct Int8Rows {
  torch::Tensor values;  // [M, I] u8; the value is (u8 - 128) · step, or u8 · kRelu6Step where `steps` is undefined
  torch::Tensor steps;   // [M] fp32

  Int8Rows narrow(int64_t first, int64_t count) const {
    return {values.narrow(0, first, count), steps.narrow(0, first, count)};
  }
};

/// x [M, I] fp32 or bf16, in steps of 1/127 of the largest absolute value of its picture: of `cells` rows each.
Int8Rows quantize_rows(const torch::Tensor& x, int64_t cells);

/// out = activation(x · matrix^T + bias) + residual. bias [O] fp32 or undefined; residual [M, O] like out or undefined; out
/// [M, O] fp32, bf16, or u8 in ReLU6's steps (its activation is kRelu6, and it takes no residual), contiguous. Sums are exact.
void multiply_int8(const Int8Rows& x, const torch::Tensor& packed, const torch::Tensor& bias, Activation activation,
                   const torch::Tensor& residual, torch::Tensor out);

/// Whether the set of instructions that runs makes this faster than fp32.
bool multiplies_int8();

}  // namespace attend
