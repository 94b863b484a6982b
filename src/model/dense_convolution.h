// Convolutions with k x k kernels over all channels, by LibTorch: what ResNet and VGG are made of.
//
// N pictures · C channels · H x W and h x w cells
#pragma once

#include <torch/torch.h>

#include "model/folded_encoder.h"

namespace attend {

/// x [N, C, H, W] in channels-last order and the storage the arithmetic wants → [N, O, h, w] likewise, with k / 2 zeros
/// on each side. Part of a graph if x or the weight is.
torch::Tensor dense_convolution(const torch::Tensor& x, const Convolution& convolution);

/// u8 pictures [B, S, S, 3] → (x / 255 - mean) / deviation of ImageNet's colours, as torchvision's networks want them:
/// [B, 3, S, S], channels-last order, `type` storage.
torch::Tensor imagenet_input(const torch::Tensor& pictures, torch::ScalarType type);

}  // namespace attend
