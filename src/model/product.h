// Products of matrices with what follows them in one pass, by oneDNN: 1x1 convolutions on NHWC data and the decoder's
// layers when captions are written. For processors.
//
// M rows (pictures x cells, or beams) · I inputs · O outputs
#pragma once

#include <torch/torch.h>

#include <functional>

namespace attend {

/// What follows the sum.
enum class Activation { kNone, kRelu6 };

/// A matrix [O, I] in the order multiply() reads it: a flat tensor of `type`, fp32 or bf16; or multiply_int8(), int8.
torch::Tensor pack_matrix(const torch::Tensor& matrix, torch::ScalarType type);

/// out = activation(x · matrix^T + bias) + residual. x [M, I] in the storage `packed` was made for; bias [O] fp32 or
/// undefined; residual [M, O] like out or undefined; out [M, O], fp32 or bf16; all contiguous. Sums are fp32.
void multiply(const torch::Tensor& x, const torch::Tensor& packed, const torch::Tensor& bias, Activation activation,
              const torch::Tensor& residual, torch::Tensor out);

/// What is made of a weight before it is used, kept until the weight is another: loaded anew, or wanted in another storage.
class PreparedWeight {
 public:
  using Make = std::function<torch::Tensor(const torch::Tensor& weight, torch::ScalarType type)>;
  /// make(weight, type), made anew where it must be. For any number of threads at once.
  torch::Tensor get(const torch::Tensor& weight, torch::ScalarType type, const Make& make);
  /// For weights in training: optimizers change them behind their version's back.
  void forget();

 private:
  torch::Tensor made_;
  const void* from_ = nullptr;
  int64_t version_ = -1;
};

/// Whether oneDNN has instructions for bf16 here. Without them bf16 is many times slower than fp32, or isn't there at all.
bool multiplies_bf16();

}  // namespace attend
