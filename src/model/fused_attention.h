// Scores, softmax and context in one pass a row: what attention costs most.
//
// B pictures · R rows · L grid cells · n heads · A and D size of keys and values, of all heads together
#pragma once

#include <torch/torch.h>

namespace attend {

/// What a fused pass returns: the weights of every head, and the heads' contexts side by side.
struct FusedGlimpse {
  torch::Tensor alpha;    // [R, n, L], rows sum to one
  torch::Tensor context;  // [R, D]
};

/// Soft attention over the additive score (Bahdanau et al. 2015, section 3.1; Show, Attend and Tell, equations 4, 5 and 13):
///   e_rl = v · tanh(k_pl + q_r) + bias_rl,  alpha_r = softmax(e_r),  z_r = sum_l alpha_rl a_pl,  p = pictures[r]
/// keys k [B, L, A] · queries q [R, A] · v [A] · values a [B, L, D] · pictures [R] int64 · bias [R, L] or
/// undefined, may be -infinity. float or double; differentiable in all but pictures. On a CPU the tensor [R, L, A] is
/// never made: the backward pass computes tanh again, and tanh(k + q) = 1 - 2 / (e^2k e^2q + 1) costs a division where
/// the exponentials are known. `exp_keys`: doubled_exp(keys), for looks that share their keys; undefined: made here.
/// Outside of a graph exp_keys and values may both be bf16, for half the way to memory.
FusedGlimpse additive_attention(const torch::Tensor& keys, const torch::Tensor& queries, const torch::Tensor& v,
                                const torch::Tensor& values, const torch::Tensor& pictures,
                                const torch::Tensor& bias = {}, const torch::Tensor& exp_keys = {});

/// e^2x in the shape of x, outside of any graph; x beyond ±43 counts as ±43, so that products of two stay finite.
torch::Tensor doubled_exp(const torch::Tensor& x);

/// The same over dot products (Vaswani et al. 2017, section 3.2), a head at a time: with k, q and a the head's share of
/// keys, queries and values,
///   e_rl = scale · k_pl · q_r + bias_rl.
FusedGlimpse dot_attention(const torch::Tensor& keys, const torch::Tensor& queries, const torch::Tensor& values,
                           const torch::Tensor& pictures, int64_t heads, double scale, const torch::Tensor& bias = {});

}  // namespace attend
