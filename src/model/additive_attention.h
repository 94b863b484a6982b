// Additive attention (Bahdanau et al. 2015, section 3.1; Show, Attend and Tell, equations 4, 5 and 13).
#pragma once

#include "model/attention.h"

namespace attend {

/// Soft attention over the additive score in one pass a row:
///   e_rl = v · tanh(k_pl + q_r),  alpha_r = softmax(e_r),  z_r = sum_l alpha_rl a_pl,  p = pictures[r]
/// keys k [B, L, A] · queries q [R, A] · v [A] · annotations a [B, L, D] · pictures [R] int64 on the CPU
/// → {alpha [R, L], context [R, D]}. float or double; differentiable in k, q, v and a. On a CPU the tensor
/// [R, L, A] is never made: the backward pass computes tanh again.
Glimpse additive_attention(const torch::Tensor& keys, const torch::Tensor& queries, const torch::Tensor& v,
                           const torch::Tensor& annotations, const torch::Tensor& pictures);

class AdditiveAttention : public Attention {
 public:
  AdditiveAttention(int64_t annotation_size, int64_t hidden_size, int64_t size);
  Memory remember(const torch::Tensor& annotations) override;
  Glimpse look(const Memory& memory, const torch::Tensor& hidden, const torch::Tensor& pictures) override;

 private:
  torch::nn::Linear key_{nullptr}, query_{nullptr};
  torch::Tensor v_;  // [A]
};

}  // namespace attend
