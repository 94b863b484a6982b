// What the encoders share: convolutions with batch norm folded into them, their names, and which of them are trained.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "model/encoder.h"
#include "model/int8_product.h"
#include "model/product.h"

namespace attend {

/// A convolution and the frozen batch norm after it, as one weight and one bias.
struct Convolution {
  std::string name;    // attend's own
  std::string source;  // in the published weights; `source`.bias is used where norm is empty
  std::string norm;    // the batch norm there, "" where there is none
  double epsilon;      // of that batch norm
  int stage;
  int64_t stride, groups;
  torch::Tensor weight;  // [O, I / groups, k, k], fp32
  torch::Tensor bias;    // [O], fp32

  int64_t kernel() const { return weight.size(2); }
  int64_t outputs() const { return weight.size(0); }

  /// `weight` brought by `pack` to the layout and storage the processor's own kernels want; kept while it is frozen.
  torch::Tensor packed(torch::ScalarType type, const PreparedWeight::Make& pack) const;
  /// `weight` as LibTorch's convolutions like it best, in channels-last order, [O, I / groups, k, k]; kept likewise. Part of
  /// a graph if it is trained.
  torch::Tensor channels_last(torch::ScalarType type) const;

  mutable PreparedWeight last_packed = {}, last_channels_last = {};
};

/// Keeps the convolutions of a network; a family adds them and says in forward() how they hang together.
class FoldedEncoder : public Encoder {
 public:
  int stages() const override { return stages_; }
  void set_trainable(int count) override;
  std::vector<torch::Tensor> trainable_parameters() const override;
  void set_precision(const std::string& precision) override;
  std::string precision() const override {
    return int8() ? "int8" : compute_type() == torch::kBFloat16 ? "bf16" : "fp32";
  }
  void import_weights(const TensorMap& weights, const std::string& source) override;
  std::map<std::string, std::vector<int64_t>> published_tensors() const override;
  TensorMap state() const override;
  void load_state(const TensorMap& state, const std::string& source) override;
  void to(torch::Device device) override;

 protected:
  explicit FoldedEncoder(const EncoderOptions& options) : wanted_stages_(options.stages) {
    set_precision(options.precision);
  }

  /// Adds a convolution to the current last stage, with random weights for a ReLU behind it (He et al. 2015).
  const Convolution& add(std::string name, std::string source, std::string norm, double epsilon, int64_t inputs,
                         int64_t outputs, int64_t kernel, int64_t stride = 1, int64_t groups = 1);
  /// What add() makes from here on belongs to a new stage. False, and none is begun, where options.stages ends the
  /// network.
  bool next_stage() {
    if (stages_ == wanted_stages_) return false;
    ++stages_;
    return true;
  }

  /// Whether this stage becomes part of a graph now: its parameters are trained, or its input asks for gradients.
  bool in_graph(int stage, const torch::Tensor& input) const {
    return (stage >= first_trainable_ || input.requires_grad()) && torch::GradMode::is_enabled();
  }
  /// Throws Error unless `pictures` is what Encoder::forward() takes.
  void check(const torch::Tensor& pictures) const;

  torch::ScalarType compute_type() const {
    return precision_ != "fp32" && (!device().is_cpu() || multiplies_bf16()) ? torch::kBFloat16 : torch::kFloat;
  }
  /// Whether what can be computed in 8-bit integers is.
  bool int8() const { return precision_ == "int8" && has_int8() && device().is_cpu() && multiplies_int8(); }
  virtual bool has_int8() const { return false; }
  torch::Device device() const { return convolutions_.front().weight.device(); }

 private:
  std::deque<Convolution> convolutions_;  // addresses stay
  const int wanted_stages_;               // 0: all
  int stages_ = 1;
  int first_trainable_ = 1 << 30;
  std::string precision_ = "fp32";  // asked for
};

}  // namespace attend
