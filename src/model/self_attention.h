// Self-attention over the annotations of a picture, before the decoder sees them (Vaswani et al. 2017, section 3.1).
//
// B pictures · L grid cells · D annotation size
#pragma once

#include <torch/torch.h>

#include "model/layers.h"

namespace attend {

/// Blocks of x + MultiHead(norm(x)), then x + W_2 max(0, W_1 norm(x)) with an inner size of 4 D, and a norm at the end
/// (layers normalized before each part, as in Xiong et al. 2020: no warm-up needed). Annotations must carry their
/// positions already.
class SelfAttention : public torch::nn::Module {
 public:
  /// heads must divide size, D.
  SelfAttention(int64_t blocks, int64_t heads, int64_t size);

  /// annotations [B, L, D] → [B, L, D].
  torch::Tensor forward(torch::Tensor annotations);

 private:
  struct Block {
    torch::nn::LayerNorm norm{nullptr}, inner_norm{nullptr};
    Linear queries_keys_values{nullptr}, out{nullptr}, inner{nullptr}, outer{nullptr};
  };
  torch::Tensor look(Block& block, const torch::Tensor& x) const;

  const int64_t heads_;
  std::vector<Block> blocks_;
  torch::nn::LayerNorm norm_{nullptr};
};

}  // namespace attend
