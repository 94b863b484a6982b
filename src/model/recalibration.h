// Gates on the annotations that say what matters in a picture before the decoder has said a word: on their channels, and
// on the cells.
//
// B pictures · L = side² grid cells · D annotation size · r reduction
#pragma once

#include <torch/torch.h>

#include <string>

#include "model/layers.h"

namespace attend {

/// se: squeeze and excitation (Hu et al. 2018, equations 2 to 4): every channel is multiplied by its entry of
///   s = sigmoid(W_2 relu(W_1 mean of all cells)),  W_1 [D / r, D],  W_2 [D, D / r].
/// cbam: convolutional block attention module (Woo et al. 2018, equations 1 to 3): channels by
///   sigmoid(MLP(mean of all cells) + MLP(maximum of all cells)),  MLP(x) = W_2 relu(W_1 x),
/// then cells by
///   sigmoid(K * [mean of all channels; maximum of all channels]),  K a convolution of 7 x 7 cells that pads with zeros.
class Recalibration : public torch::nn::Module {
 public:
  /// size: D, no less than `reduction`, r.
  Recalibration(const std::string& kind, int64_t reduction, int64_t size);

  /// annotations [B, L, D] → [B, L, D]; cbam wants a square grid.
  torch::Tensor forward(const torch::Tensor& annotations);

 private:
  Linear squeeze_{nullptr}, excite_{nullptr};  // W_1, W_2
  torch::Tensor spatial_;                      // K [1, 2, 7, 7], of cbam
};

}  // namespace attend
