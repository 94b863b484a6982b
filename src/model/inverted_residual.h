// The block EfficientNet-Lite is made of (Sandler et al. 2018, MobileNetV2, figure 4b): a 1x1 convolution that widens,
// a depthwise one, a 1x1 convolution that narrows, and the input added where shapes allow.
//
// N pictures · H x W input · h x w output · I inputs · E widened channels · O outputs · k kernel side
#pragma once

#include <torch/torch.h>

#include <array>

#include "model/folded_encoder.h"

namespace attend {

/// {zeros before, output side} of a convolution padded as TensorFlow's "same": the odd zero stands at the end.
std::array<int64_t, 2> same_padding(int64_t side, int64_t kernel, int64_t stride);

/// The convolutions of one block; `expand` is null in the first, which doesn't widen.
struct InvertedResidual {
  const Convolution* expand;
  const Convolution* depthwise;
  const Convolution* project;
  bool residual;

  /// x [N, H, W, I] → [N, h, w, O], both in `type` storage and contiguous. Part of a graph if x or a weight is. `int8`: where
  /// it is in no graph and widens, in 8-bit integers within (multiplies_int8()); where it doesn't, if x is u8 in ReLU6's steps.
  torch::Tensor forward(const torch::Tensor& x, torch::ScalarType type, bool int8 = false) const;
};

/// A 1x1 convolution's weight as a matrix [O, I].
torch::Tensor pointwise_matrix(const torch::Tensor& weight, torch::ScalarType type);

/// A convolution's weight as the matrix that rows of its input are multiplied with.
using AsMatrix = torch::Tensor (*)(const torch::Tensor& weight, torch::ScalarType type);

/// That matrix as pack_matrix() makes it, kept while the weight is frozen.
torch::Tensor pack(const Convolution& convolution, torch::ScalarType type, AsMatrix as_matrix);

/// ReLU6(x * weight + bias) for x [N, h, w, I] and a 1x1 convolution, or rows of patches and their convolution; in
/// `out_type` storage [N, h, w, O].
torch::Tensor pointwise_relu6(const torch::Tensor& x, const Convolution& convolution, torch::ScalarType out_type,
                              AsMatrix as_matrix = pointwise_matrix);

/// The convolution with "same" padding, by LibTorch: on other devices than the processor, and for pictures in floating
/// point. x and result NHWC.
torch::Tensor same_convolution(const torch::Tensor& x, const Convolution& convolution);

}  // namespace attend
