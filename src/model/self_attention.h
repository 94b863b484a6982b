// Self-attention over the annotations of a picture, before the decoder sees them: cells look at cells.
//
// B pictures · L grid cells · D annotation size · n heads · d = D / n · N persistent vectors
#pragma once

#include <torch/torch.h>

#include <vector>

#include "model/attention.h"
#include "model/layers.h"

namespace attend {

/// Blocks of x + part(norm(x)), and a norm at the end (layers normalized before each part, as in Xiong et al. 2020: no
/// warm-up needed). The parts, by self_kind:
///   transformer    MultiHead(x), then W_2 max(0, W_1 x) with an inner size of 4 D   Vaswani et al. 2017, section 3.1
///   all_attention  MultiHead(x) alone, whose heads have N keys and values of their own beside those of the cells: they
///                  stand in place of the feed-forward layer, and N = 4 D has as many weights   Sukhbaatar et al. 2019,
///                  section 4
///   graph          a cell looks at itself and its (up to eight) neighbours, a head k at a time:
///                    e_ij = LeakyReLU(a_k · [W_k x_i; W_k x_j]), alpha_ij = softmax_j e_ij, elu(sum_j alpha_ij W_k x_j),
///                  heads side by side                                      Veličković et al. 2018, equations 1 to 5
/// Annotations must carry their positions already, though graph doesn't need them.
class SelfAttention : public torch::nn::Module {
 public:
  /// Its kind, blocks, heads and persistent vectors are in `options`; the heads must divide size, D.
  SelfAttention(const AttentionOptions& options, int64_t size);

  /// annotations [B, L, D] → [B, L, D]; graph wants a square grid.
  torch::Tensor forward(torch::Tensor annotations);

 private:
  struct Block {
    torch::nn::LayerNorm norm{nullptr}, inner_norm{nullptr};
    Linear queries_keys_values{nullptr}, out{nullptr}, inner{nullptr}, outer{nullptr};
    torch::Tensor persistent_keys, persistent_values;  // [n, N, d] each, of all_attention
    Linear transform{nullptr};                         // W, of graph
    torch::Tensor from, to;                            // a's halves [n, d, 1], for x_i and x_j
  };
  torch::Tensor look(Block& block, const torch::Tensor& x) const;
  torch::Tensor look_around(Block& block, const torch::Tensor& x) const;

  const int64_t heads_;
  std::vector<Block> blocks_;
  torch::nn::LayerNorm norm_{nullptr};
};

}  // namespace attend
