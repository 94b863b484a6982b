// B pictures · L grid cells · D annotation size · n heads · d = D / n · N persistent vectors
#include "model/self_attention.h"

#include <cmath>
#include <limits>
#include <string>

#include "model/layers.h"

namespace attend {

using torch::Tensor;
namespace nn = torch::nn;

namespace {

/// Evenly drawn weights with this variance.
Tensor weights_of_variance(const std::vector<int64_t>& sizes, double variance) {
  return first_weights(sizes, std::sqrt(3 * variance));
}

/// Whether cells of a square grid touch or are the same, [L, L] bool.
Tensor are_neighbours(int64_t cells, torch::Device device) {
  const auto place = torch::arange(grid_side(cells), torch::dtype(torch::kInt64).device(device));    // [side]
  const auto near = (place.unsqueeze(1) - place).abs() <= 1;                                         // [side, side]
  return (near.unsqueeze(1).unsqueeze(3) & near.unsqueeze(0).unsqueeze(2)).reshape({cells, cells});  // [L, L]
}

}  // namespace

SelfAttention::SelfAttention(const AttentionOptions& options, int64_t D) : heads_(options.heads) {
  const auto norm = [&] { return nn::LayerNorm(nn::LayerNormOptions({D})); };
  const int64_t d = D / heads_, N = options.persistent_vectors;
  for (int64_t i = 0; i < options.self_blocks; ++i) {
    const std::string number = std::to_string(i) + "_";
    Block& block = blocks_.emplace_back();
    block.norm = register_module(number + "norm", norm());
    if (options.self_kind == "graph") {
      block.transform = register_module(number + "transform", linear(D, D, false));
      const double variance = 1 / static_cast<double>(d);
      block.from = register_parameter(number + "from", weights_of_variance({heads_, d, 1}, variance));
      block.to = register_parameter(number + "to", weights_of_variance({heads_, d, 1}, variance));
      continue;
    }
    block.queries_keys_values = register_module(number + "queries_keys_values", linear(D, 3 * D));
    block.out = register_module(number + "out", linear(D, D));
    if (options.self_kind == "all_attention") {
      block.persistent_keys = register_parameter(number + "persistent_keys",
                                                 weights_of_variance({heads_, N, d}, 1 / static_cast<double>(d)));
      block.persistent_values = register_parameter(number + "persistent_values",
                                                   weights_of_variance({heads_, N, d}, 1 / static_cast<double>(N)));
      continue;
    }
    block.inner_norm = register_module(number + "inner_norm", norm());
    block.inner = register_module(number + "inner", linear(D, 4 * D));
    block.outer = register_module(number + "outer", linear(4 * D, D));
  }
  norm_ = register_module("norm", norm());
}

Tensor SelfAttention::look(Block& block, const Tensor& x) const {
  const int64_t B = x.size(0), L = x.size(1), D = x.size(2), d = D / heads_;
  const auto parts =
      block.queries_keys_values->forward(x).reshape({B, L, 3, heads_, d}).permute({2, 0, 3, 1, 4});  // [3, B, n, L, d]
  auto keys = parts[1], values = parts[2];  // [B, n, L, d] each
  if (block.persistent_keys.defined()) {
    // The paper keeps persistent vectors this much smaller than they are used, so that they learn as fast as the others.
    const auto beside = [&](const Tensor& own, const Tensor& persistent, int64_t scale) {
      const auto all = persistent * std::sqrt(static_cast<double>(scale));    // [n, N, d]
      return torch::cat({own, all.unsqueeze(0).expand({B, -1, -1, -1})}, 2);  // [B, n, L + N, d]
    };
    keys = beside(keys, block.persistent_keys, d);                                      // [B, n, L + N, d]
    values = beside(values, block.persistent_values, block.persistent_values.size(1));  // [B, n, L + N, d]
  }
  const double scale = 1 / std::sqrt(static_cast<double>(d));
  const auto alpha = (scale * parts[0].matmul(keys.transpose(2, 3))).softmax(-1);      // [B, n, L, L (+ N)]
  return block.out->forward(alpha.matmul(values).transpose(1, 2).reshape({B, L, D}));  // [B, L, D]
}

Tensor SelfAttention::look_around(Block& block, const Tensor& x) const {
  constexpr double kSlope = 0.2, kNever = -std::numeric_limits<double>::infinity();
  const int64_t B = x.size(0), L = x.size(1), D = x.size(2);
  const auto values = block.transform->forward(x).reshape({B, L, heads_, D / heads_}).transpose(1, 2);  // [B, n, L, d]
  const auto scores = values.matmul(block.from) + values.matmul(block.to).transpose(2, 3);              // [B, n, L, L]
  const auto near =
      torch::leaky_relu(scores, kSlope).masked_fill(~are_neighbours(L, x.device()), kNever);  // [B, n, L, L]
  return torch::elu(near.softmax(-1).matmul(values)).transpose(1, 2).reshape({B, L, D});      // [B, L, D]
}

Tensor SelfAttention::forward(Tensor x) {
  for (auto& block : blocks_) {
    const auto normal = block.norm->forward(x);                                    // [B, L, D]
    x = x + (block.transform ? look_around(block, normal) : look(block, normal));  // [B, L, D]
    if (!block.inner) continue;
    x = x + block.outer->forward(block.inner->forward(block.inner_norm->forward(x)).relu());  // [B, L, D]
  }
  return norm_->forward(x);  // [B, L, D]
}

}  // namespace attend
