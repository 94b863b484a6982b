// The layers that networks are built of, with first weights or, where a file's will replace them at once, without.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <string>
#include <vector>

#include "model/product.h"

namespace attend {

/// While one of these lives, what its thread builds of linear(), embedding() and FoldedEncoder has arbitrary weights:
/// drawing random ones takes longer than reading those of a model file. `most`: how many weights `source` has to put in
/// their place; options that ask for more are refused with an InputError before memory is taken for them.
class WithoutFirstWeights {
 public:
  explicit WithoutFirstWeights(int64_t most = INT64_MAX, std::string source = "");
  ~WithoutFirstWeights();
  WithoutFirstWeights(const WithoutFirstWeights&) = delete;
  WithoutFirstWeights& operator=(const WithoutFirstWeights&) = delete;

  /// To be called before a tensor of `rows` x `columns` weights is made.
  static void take(int64_t rows, int64_t columns);

 private:
  WithoutFirstWeights* const outer_;
  int64_t left_;
  const std::string source_;
};

/// Whether networks get first weights now.
bool draws_first_weights();

/// y = x W^T + b. Where nothing is learnt (evaluation mode, no graph) on a processor, the product is multiply()'s, with W
/// packed once and in the layer's precision; else LibTorch's, in fp32.
class LinearImpl : public torch::nn::LinearImpl {
 public:
  using torch::nn::LinearImpl::LinearImpl;
  /// x [..., inputs] → [..., outputs], fp32.
  torch::Tensor forward(const torch::Tensor& x);
  /// Training changes weights: their packed form is forgotten.
  void train(bool on = true) override;

  torch::ScalarType type =
      torch::kFloat;  // of the products: fp32 or bf16, with fp32 sums; or int8, for inputs in fours

 private:
  PreparedWeight packed_;
};
TORCH_MODULE(Linear);

/// x · weight^T + bias as multiply() does it, or multiply_int8() with every row in its own steps, for x [..., I] fp32 and
/// weight [O, I]: [..., O] fp32.
torch::Tensor fixed_linear(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias,
                           PreparedWeight& packed, torch::ScalarType type);

/// The side of a square grid of so many cells. Throws c10::Error where it isn't square.
int64_t grid_side(int64_t cells);
/// Annotations [B, L, D] of a square grid as maps that convolve, [B, D, side, side].
torch::Tensor as_maps(const torch::Tensor& annotations);

/// Whether a module's layers may be fixed_linear() now, for input x.
bool is_fixed(const torch::nn::Module& module, const torch::Tensor& x);

Linear linear(int64_t inputs, int64_t outputs, bool bias = true);
/// Weights that no layer holds, of these sizes, drawn evenly from ±bound.
torch::Tensor first_weights(const std::vector<int64_t>& sizes, double bound);
/// Numbers [N] below `count` → vectors [N, size].
torch::nn::Embedding embedding(int64_t count, int64_t size);

}  // namespace attend
