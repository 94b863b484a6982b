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

Tensor AdditiveAttention::query(const Tensor& hidden, const Tensor&) { return query_->forward(hidden); }  // [R, A]

Glimpse AdditiveAttention::expect(const Memory& memory, const Tensor& hidden, const Tensor& pictures,
                                  const Tensor& bias, const Tensor& before) {
  const auto look =
      additive_attention(memory.keys, query(hidden, before), v_, memory.values, pictures, bias, memory.exp_keys);
  return {look.alpha.squeeze(1), look.context, {}};  // [R, L], [R, D]
}

ReaderAttention::ReaderAttention(const AttentionOptions& options, int64_t annotation_size, int64_t hidden_size)
    : AdditiveAttention(options, annotation_size, hidden_size),
      read_(register_module("read", linear(annotation_size, annotation_size, false))),
      state_(register_module("state", linear(hidden_size, annotation_size, false))) {
  if (options.score != "impatient_reader") return;
  read_query_ = register_module("read_query", linear(annotation_size, options.size, false));
  next_ = register_module("next", linear(annotation_size, annotation_size, false));
}

Tensor ReaderAttention::query(const Tensor& hidden, const Tensor& before) {
  const auto query = AdditiveAttention::query(hidden, before);             // [R, A]
  return before.defined() ? query + read_query_->forward(before) : query;  // [R, A]
}

void ReaderAttention::conclude(Glimpse& glimpse, const Tensor& hidden, const Tensor& before) {
  if (before.defined()) glimpse.context = glimpse.context + next_->forward(before).tanh();  // [R, D]
  if (next_) glimpse.carried = glimpse.context;
  glimpse.context = (read_->forward(glimpse.context) + state_->forward(hidden)).tanh();  // [R, D]
}

ConvolutionalAttention::ConvolutionalAttention(const AttentionOptions& options, int64_t D, int64_t hidden_size)
    : Attention(options, hidden_size), query_(register_module("query", linear(hidden_size, options.size, false))) {
  const int64_t A = options.size;
  const auto kernel = [](int64_t outputs, int64_t inputs) {
    return first_weights({outputs, inputs, 3, 3}, 1 / std::sqrt(9.0 * static_cast<double>(inputs)));
  };
  first_ = register_parameter("first", kernel(A, D));
  second_ = register_parameter("second", kernel(A, A));
  last_ = register_parameter("last", kernel(1, A + 1));
}

void ConvolutionalAttention::prepare(Memory& memory) {
  const auto inner = torch::conv2d(as_maps(memory.annotations), first_, {}, 1, 1).relu();  // [B, A, side, side]
  memory.keys = torch::conv2d(inner, second_, {}, 1, 1).flatten(2);                        // [B, A, L]
  memory.values = memory.annotations;                                                      // [B, L, D]
}

Glimpse ConvolutionalAttention::expect(const Memory& memory, const Tensor& hidden, const Tensor& pictures,
                                       const Tensor& bias, const Tensor& before) {
  const int64_t R = hidden.size(0), L = memory.values.size(1), side = grid_side(L);
  auto maps = memory.keys.index_select(0, pictures) * query_->forward(hidden).unsqueeze(2);            // [R, A, L]
  const auto norm = maps.norm(2, {1, 2}, /*keepdim=*/true).clamp_min(1e-12);                           // [R, 1, 1]
  maps = maps * (std::sqrt(static_cast<double>(L)) / norm);                                            // [R, A, L]
  const auto last = before.defined() ? before.unsqueeze(1) : torch::zeros({R, 1, L}, maps.options());  // [R, 1, L]
  const auto seen = torch::cat({maps, last}, 1).unflatten(2, {side, side});  // [R, A + 1, side, side]
  auto scores = torch::conv2d(seen, last_, {}, 1, 1).flatten(1);             // [R, L]
  if (bias.defined()) scores = scores + bias;                                // [R, L]
  const auto alpha = scores.softmax(-1);                                     // [R, L]
  const auto values = memory.values.index_select(0, pictures);               // [R, L, D]
  return {alpha, alpha.unsqueeze(1).bmm(values).squeeze(1), {}, alpha};      // [R, L], [R, D]
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

Glimpse DotAttention::expect(const Memory& memory, const Tensor& hidden, const Tensor& pictures, const Tensor& bias,
                             const Tensor&) {
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
                                   const Tensor& bias, const Tensor&) {
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

Glimpse GaussianAttention::expect(const Memory& memory, const Tensor& hidden, const Tensor& pictures, const Tensor&,
                                  const Tensor&) {
  const int64_t N = options_.filters, L = memory.values.size(1), side = grid_side(L);
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

Glimpse MeanAttention::expect(const Memory& memory, const Tensor& hidden, const Tensor& pictures, const Tensor&,
                              const Tensor&) {
  const int64_t L = memory.annotations.size(1);
  return {torch::full({pictures.size(0), L}, 1.0 / static_cast<double>(L), hidden.options()),  // [R, L]
          memory.values.index_select(0, pictures),
          {}};  // [R, D]
}

}  // namespace attend
