// Local attention (Luong et al. 2015, section 3.2) in two dimensions: only the cells of a window on the grid count.
//
// R rows · L = side² grid cells · H size of the decoder's state
#pragma once

#include <torch/torch.h>

#include "model/layers.h"

namespace attend {

class Window : public torch::nn::Module {
 public:
  /// hidden [R, H], step t from 0 → [R, L], added to the scores before softmax: weights then sum to one in the window.
  virtual torch::Tensor bias(const torch::Tensor& hidden, int64_t step, int64_t cells) = 0;
};

/// local-m: windows of 2·radius + 1 cells a side tile the grid; word t looks into the t-th in reading order, and
/// after the last into the first again. 0 inside, -infinity outside.
class MonotonicWindow : public Window {
 public:
  explicit MonotonicWindow(int64_t radius) : radius_(radius) {}
  torch::Tensor bias(const torch::Tensor& hidden, int64_t step, int64_t cells) override;

 private:
  const int64_t radius_;
};

/// local-p: the middle p = (side - 1) · sigmoid(W_2 tanh(W_1 h)) is predicted (equation 9), one coordinate a dimension,
/// and scores gain -|cell - p|² / 2σ² with σ = radius / 2 (equation 10; under softmax it multiplies the weights, which
/// the paper leaves without normalizing them again); -infinity more than `radius` rows or columns away.
class PredictedWindow : public Window {
 public:
  PredictedWindow(int64_t radius, int64_t hidden_size);
  torch::Tensor bias(const torch::Tensor& hidden, int64_t step, int64_t cells) override;

 private:
  const int64_t radius_;
  Linear hidden_{nullptr}, middle_{nullptr};
};

}  // namespace attend
