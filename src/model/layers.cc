#include "model/layers.h"

#include <cmath>
#include <utility>

#include "base/error.h"
#include "model/int8_product.h"

namespace attend {
namespace {

thread_local WithoutFirstWeights* without_first_weights = nullptr;  // the innermost

}  // namespace

WithoutFirstWeights::WithoutFirstWeights(int64_t most, std::string source)
    : outer_(std::exchange(without_first_weights, this)), left_(most), source_(std::move(source)) {}
WithoutFirstWeights::~WithoutFirstWeights() { without_first_weights = outer_; }

void WithoutFirstWeights::take(int64_t rows, int64_t columns) {
  int64_t count = 0;
  if (!without_first_weights) return;
  int64_t& left = without_first_weights->left_;
  if (__builtin_mul_overflow(rows, columns, &count) || count > left)
    throw InputError(without_first_weights->source_ + ": its options ask for more weights than it holds");
  left -= count;
}

bool draws_first_weights() { return without_first_weights == nullptr; }

torch::Tensor LinearImpl::forward(const torch::Tensor& x) {
  if (is_fixed(*this, x)) return fixed_linear(x, weight, bias, packed_, type);  // [..., outputs]
  return torch::nn::LinearImpl::forward(x);                                     // [..., outputs]
}

void LinearImpl::train(bool on) {
  packed_.forget();
  torch::nn::LinearImpl::train(on);
}

bool is_fixed(const torch::nn::Module& module, const torch::Tensor& x) {
  return !module.is_training() && !torch::GradMode::is_enabled() && x.device().is_cpu() &&
         x.scalar_type() == torch::kFloat;
}

torch::Tensor fixed_linear(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias,
                           PreparedWeight& packed, torch::ScalarType type) {
  // Every number of rows has code of its own. Few numbers, as live beams end one by one: whole blocks of rows.
  constexpr int64_t kBlock = 16;
  const int64_t I = weight.size(1), O = weight.size(0), M = x.numel() / I;
  auto sizes = x.sizes().vec();
  sizes.back() = O;
  if (type == torch::kChar) {
    auto out = torch::empty({M, O}, x.options());  // [M, O]
    multiply_int8(quantize_rows(x.reshape({M, I}).contiguous(), 1), packed.get(weight, type, pack_matrix), bias,
                  Activation::kNone, {}, out);
    return out.view(sizes);  // [..., O]
  }
  const int64_t padded = (M + kBlock - 1) / kBlock * kBlock;
  auto in = x.reshape({M, I}).contiguous();  // [M, I]
  if (padded != M || type != torch::kFloat) {
    in = torch::empty({padded, I}, type);  // [padded, I]
    in.narrow(0, 0, M).copy_(x.reshape({M, I}));
    in.narrow(0, M, padded - M).zero_();
  }
  const auto out = torch::empty({padded, O}, x.options());  // [padded, O]
  multiply(in, packed.get(weight, type, pack_matrix), bias, Activation::kNone, {}, out);
  return out.narrow(0, 0, M).view(sizes);  // [..., O]
}

Linear linear(int64_t inputs, int64_t outputs, bool bias) {
  WithoutFirstWeights::take(outputs, inputs);
  const auto options = torch::nn::LinearOptions(inputs, outputs).bias(bias);
  if (draws_first_weights()) return Linear(options);
  // LibTorch's layer always draws: a tiny one, whose tensors are exchanged.
  Linear layer(torch::nn::LinearOptions(1, 1).bias(bias));
  layer->options = options;
  layer->weight.set_data(torch::empty({outputs, inputs}));
  if (bias) layer->bias.set_data(torch::empty({outputs}));
  return layer;
}

torch::Tensor first_weights(const std::vector<int64_t>& sizes, double bound) {
  int64_t others = 1;
  for (size_t i = 1; i < sizes.size(); ++i) others *= sizes[i];
  WithoutFirstWeights::take(sizes.at(0), others);
  const auto weights = torch::empty(sizes);  // [sizes...]
  return draws_first_weights() ? weights.uniform_(-bound, bound) : weights;
}

int64_t grid_side(int64_t cells) {
  const int64_t side = std::llround(std::sqrt(static_cast<double>(cells)));
  TORCH_CHECK(side * side == cells, "this attention wants a square grid; it has ", cells, " cells");
  return side;
}

torch::Tensor as_maps(const torch::Tensor& annotations) {
  const int64_t side = grid_side(annotations.size(1));
  return annotations.transpose(1, 2).unflatten(2, {side, side});  // [B, D, side, side]
}

torch::nn::Embedding embedding(int64_t count, int64_t size) {
  WithoutFirstWeights::take(count, size);
  torch::nn::EmbeddingOptions options(count, size);
  if (!draws_first_weights()) options._weight(torch::empty({count, size}));
  return torch::nn::Embedding(options);
}

}  // namespace attend
