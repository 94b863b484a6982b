// Depthwise convolution followed by ReLU6, forward and backward, for processors: LibTorch's own backward pass takes ten
// times as long as the arithmetic needs.
//
// N pictures · H x W input · h x w output · C channels · k kernel side
#pragma once

#include <torch/torch.h>

#include "kernels/kernels.h"

namespace attend {

using kernels::DepthwiseGeometry;

/// y = ReLU6(x * weight + bias). x [N, H, W, C] and y [N, h, w, C], fp32, bf16 or u8 in steps of
/// kRelu6Step, contiguous, on the processor;
/// weight [k, k, C] and bias [C], fp32. Sums are fp32. With instructions for bf16, weights are rounded to it where x is bf16,
/// and the sum of each kernel's is kept.
void depthwise_relu6(const DepthwiseGeometry& geometry, const torch::Tensor& x, const torch::Tensor& weight,
                     const torch::Tensor& bias, torch::Tensor& y);

/// What depthwise_relu6_backward() adds to and writes.
struct DepthwiseGradients {
  torch::Tensor weight;      // [k, k, C] fp32, added to
  torch::Tensor bias;        // [C] fp32, added to; undefined where `weight` is
  torch::Tensor input;       // [N, H, W, C] like x, written
  torch::Tensor input_bias;  // [C] fp32, added to: the sum of `input` over pictures and cells
};

/// The gradients of depthwise_relu6() for gy, the gradient of y, where x is itself the output of a ReLU6: `input` is
/// the gradient before *that* ReLU6, and input_bias the gradient of the bias added before it. The order of all sums
/// depends on the shapes alone, not on the number of threads. Those that are undefined are not computed.
void depthwise_relu6_backward(const DepthwiseGeometry& geometry, const torch::Tensor& x, const torch::Tensor& y,
                              const torch::Tensor& gy, const torch::Tensor& weight, DepthwiseGradients& gradients);

}  // namespace attend
