// B pictures · L grid cells · D annotation size · n heads
#include "model/self_attention.h"

#include <cmath>
#include <string>

#include "model/layers.h"

namespace attend {

using torch::Tensor;
namespace nn = torch::nn;

SelfAttention::SelfAttention(int64_t blocks, int64_t heads, int64_t D) : heads_(heads) {
  const auto norm = [&] { return nn::LayerNorm(nn::LayerNormOptions({D})); };
  for (int64_t i = 0; i < blocks; ++i) {
    const std::string number = std::to_string(i) + "_";
    Block& block = blocks_.emplace_back();
    block.norm = register_module(number + "norm", norm());
    block.queries_keys_values = register_module(number + "queries_keys_values", linear(D, 3 * D));
    block.out = register_module(number + "out", linear(D, D));
    block.inner_norm = register_module(number + "inner_norm", norm());
    block.inner = register_module(number + "inner", linear(D, 4 * D));
    block.outer = register_module(number + "outer", linear(4 * D, D));
  }
  norm_ = register_module("norm", norm());
}

Tensor SelfAttention::look(Block& block, const Tensor& x) const {
  const int64_t B = x.size(0), L = x.size(1), D = x.size(2);
  const auto parts = block.queries_keys_values->forward(x)
                         .reshape({B, L, 3, heads_, D / heads_})
                         .permute({2, 0, 3, 1, 4});  // [3, B, n, L, D / n]
  const double scale = 1 / std::sqrt(static_cast<double>(D / heads_));
  const auto alpha = (scale * parts[0].matmul(parts[1].transpose(2, 3))).softmax(-1);    // [B, n, L, L]
  return block.out->forward(alpha.matmul(parts[2]).transpose(1, 2).reshape({B, L, D}));  // [B, L, D]
}

Tensor SelfAttention::forward(Tensor x) {
  for (auto& block : blocks_) {
    x = x + look(block, block.norm->forward(x));                                              // [B, L, D]
    x = x + block.outer->forward(block.inner->forward(block.inner_norm->forward(x)).relu());  // [B, L, D]
  }
  return norm_->forward(x);  // [B, L, D]
}

}  // namespace attend
