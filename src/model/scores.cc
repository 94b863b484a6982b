// B pictures · R rows · L = side² grid cells · D annotation size · A attention size · H size of the decoder's state ·
// N filters an axis
#include "model/scores.h"

#include <cmath>

#include "model/fused_attention.h"
#include "model/layers.h"

namespace attend {

using torch::Tensor;
namespace nn = torch::nn;

AdditiveAttention::AdditiveAttention(const AttentionOptions& options, int64_t annotation_size, int64_t hidden_size)
    : Attention(options, hidden_size),
      key_(register_module("key", linear(annotation_size, options.size, options.score == "additive"))),
      query_(register_module("query", linear(hidden_size, options.size, false))),
      v_(register_parameter("v", torch::empty({options.size}))) {
  const double bound = 1 / std::sqrt(static_cast<double>(options.size));
  nn::init::uniform_(v_, -bound, bound);
}

void AdditiveAttention::prepare(Memory& memory) {
  memory.keys = key_->forward(memory.annotations);  // [B, L, A]
  // In arithmetic that is no finer than bf16, what every look reads is no finer either.
  const auto type =
      key_->type != torch::kFloat && is_fixed(*this, memory.keys) ? torch::kBFloat16 : memory.keys.scalar_type();
  memory.exp_keys = doubled_exp(memory.keys).to(type);  // [B, L, A]
  memory.values = memory.annotations.to(type);          // [B, L, D]
}

Glimpse AdditiveAttention::expect(const Memory& memory, const Tensor& hidden, const Tensor& pictures,
                                  const Tensor& bias) {
  const auto look =
      additive_attention(memory.keys, query_->forward(hidden), v_, memory.values, pictures, bias, memory.exp_keys);
  return {look.alpha.squeeze(1), look.context, {}};  // [R, L], [R, D]
}

DotAttention::DotAttention(const AttentionOptions& options, int64_t annotation_size, int64_t hidden_size)
    : Attention(options, hidden_size),
      scale_(options.score == "scaled_dot" ? 1 / std::sqrt(static_cast<double>(hidden_size)) : 1) {
  if (options.score == "general") key_ = register_module("key", linear(annotation_size, hidden_size, false));
}

void DotAttention::prepare(Memory& memory) {
  memory.keys = key_ ? key_->forward(memory.annotations) : memory.annotations;  // [B, L, H]
  memory.values = memory.annotations;                                           // [B, L, D]
}

Glimpse DotAttention::expect(const Memory& memory, const Tensor& hidden, const Tensor& pictures, const Tensor& bias) {
  const auto look = dot_attention(memory.keys, hidden, memory.values, pictures, 1, scale_, bias);
  return {look.alpha.squeeze(1), look.context, {}};  // [R, L], [R, D]
}

MultiHeadAttention::MultiHeadAttention(const AttentionOptions& options, int64_t annotation_size, int64_t hidden_size)
    : Attention(options, hidden_size),
      key_(register_module("key", linear(annotation_size, options.size, true))),
      query_(register_module("query", linear(hidden_size, options.size, true))),
      value_(register_module("value", linear(annotation_size, options.size, true))),
      out_(register_module("out", linear(options.size, annotation_size, true))) {}

void MultiHeadAttention::prepare(Memory& memory) {
  memory.keys = key_->forward(memory.annotations);      // [B, L, A]
  memory.values = value_->forward(memory.annotations);  // [B, L, A]
}

Glimpse MultiHeadAttention::expect(const Memory& memory, const Tensor& hidden, const Tensor& pictures,
                                   const Tensor& bias) {
  const double scale = 1 / std::sqrt(static_cast<double>(options_.size) / options_.heads);
  const auto look =
      dot_attention(memory.keys, query_->forward(hidden), memory.values, pictures, options_.heads, scale, bias);
  return {look.alpha.mean(1), out_->forward(look.context), {}};  // [R, L], [R, D]
}

Tensor MultiHeadAttention::context_at(const Memory& memory, const Tensor& pictures, const Tensor& cells) {
  return out_->forward(Attention::context_at(memory, pictures, cells));  // [R, D]
}

GaussianAttention::GaussianAttention(const AttentionOptions& options, int64_t annotation_size, int64_t hidden_size)
    : Attention(options, hidden_size),
      window_(register_module("filters", linear(hidden_size, 4, true))),
      out_(register_module("out", linear(options.filters * options.filters * annotation_size, annotation_size, true))) {
}

void GaussianAttention::prepare(Memory& memory) { memory.values = memory.annotations; }  // [B, L, D]

Glimpse GaussianAttention::expect(const Memory& memory, const Tensor& hidden, const Tensor& pictures, const Tensor&) {
  const int64_t N = options_.filters, L = memory.values.size(1);
  const int64_t side = std::llround(std::sqrt(static_cast<double>(L)));
  const auto filters = window_->forward(hidden);                         // [R, 4]
  const auto centre = (side - 1) * 0.5 * (filters.narrow(1, 0, 2) + 1);  // [R, 2]: row, column
  const auto width = filters.narrow(1, 2, 1).exp();                      // [R, 1]: variance
  const auto stride = (side - 1.0) / std::max<int64_t>(N - 1, 1) * filters.narrow(1, 3, 1).exp();  // [R, 1]
  const auto offset = torch::arange(N, hidden.options()) - (N - 1) / 2.0;                          // [N]
  const auto middle = centre.unsqueeze(2) + (stride * offset).unsqueeze(1);                        // [R, 2, N]
  const auto away = torch::arange(side, hidden.options()) - middle.unsqueeze(3);                   // [R, 2, N, side]
  const auto weights = (away.square() / (-2 * width.unsqueeze(2).unsqueeze(3))).softmax(-1);       // [R, 2, N, side]
  const auto rows = weights.select(1, 0).unsqueeze(2).unsqueeze(4);                                // [R, N, 1, side, 1]
  const auto columns = weights.select(1, 1).unsqueeze(1).unsqueeze(3);                             // [R, 1, N, 1, side]
  const auto bank = (rows * columns).reshape({hidden.size(0), N * N, L});                          // [R, N², L]
  const auto values = memory.values.index_select(0, pictures);                                     // [R, L, D]
  return {bank.mean(1), out_->forward(bank.bmm(values).flatten(1)), {}};                           // [R, L], [R, D]
}

void MeanAttention::prepare(Memory& memory) { memory.values = memory.annotations.mean(1); }  // [B, D]

Glimpse MeanAttention::expect(const Memory& memory, const Tensor& hidden, const Tensor& pictures, const Tensor&) {
  const int64_t L = memory.annotations.size(1);
  return {torch::full({pictures.size(0), L}, 1.0 / static_cast<double>(L), hidden.options()),  // [R, L]
          memory.values.index_select(0, pictures),
          {}};  // [R, D]
}

}  // namespace attend
