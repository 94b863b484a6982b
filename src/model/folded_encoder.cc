#include "model/folded_encoder.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "model/layers.h"
#include "model/weights.h"

namespace attend {
namespace {

const torch::Tensor& find(const TensorMap& tensors, const std::string& name, at::IntArrayRef shape,
                          const std::string& source) {
  const auto found = tensors.find(name);
  if (found == tensors.end()) throw InputError(source + ": no tensor \"" + name + "\": not weights of this network");
  if (found->second.sizes() != shape) {
    throw InputError(source + ": tensor \"" + name + "\" is " + c10::str(found->second.sizes()) + ", must be " +
                     c10::str(shape) + ": not weights of this network");
  }
  require_finite(found->second, name, source);
  return found->second;
}

}  // namespace

torch::Tensor Convolution::packed(torch::ScalarType type, const PreparedWeight::Make& pack) const {
  if (weight.requires_grad()) last_packed.forget();
  return last_packed.get(weight, type, pack);
}

torch::Tensor Convolution::channels_last(torch::ScalarType type) const {
  if (weight.requires_grad() && torch::GradMode::is_enabled()) return weight.to(type);  // [O, I / groups, k, k]
  if (weight.requires_grad()) last_channels_last.forget();
  return last_channels_last.get(weight, type, [](const torch::Tensor& of, torch::ScalarType as) {
    return of.to(as).clone(torch::MemoryFormat::ChannelsLast);  // [O, I / groups, k, k]
  });
}

const Convolution& FoldedEncoder::add(std::string name, std::string source, std::string norm, double epsilon,
                                      int64_t inputs, int64_t outputs, int64_t kernel, int64_t stride, int64_t groups) {
  const int64_t fan_in = inputs / groups * kernel * kernel;
  Convolution convolution{
      std::move(name), std::move(source), std::move(norm), epsilon, stages_ - 1, stride, groups, {}, {}};
  const std::vector<int64_t> shape{outputs, inputs / groups, kernel, kernel};
  convolution.weight = draws_first_weights() ? torch::randn(shape) * std::sqrt(2.0 / fan_in)
                                             : torch::empty(shape);  // [O, I / groups, k, k]
  convolution.bias = torch::zeros({outputs});                        // [O]
  return convolutions_.emplace_back(std::move(convolution));
}

void FoldedEncoder::set_trainable(int count) {
  first_trainable_ = stages_ - std::clamp(count, 0, stages_);
  for (auto& convolution : convolutions_) {
    convolution.weight.set_requires_grad(convolution.stage >= first_trainable_);
    convolution.bias.set_requires_grad(convolution.stage >= first_trainable_);
  }
}

std::vector<torch::Tensor> FoldedEncoder::trainable_parameters() const {
  std::vector<torch::Tensor> parameters;
  for (const auto& convolution : convolutions_) {
    if (convolution.stage < first_trainable_) continue;
    parameters.push_back(convolution.weight);
    parameters.push_back(convolution.bias);
  }
  return parameters;
}

void FoldedEncoder::set_precision(const std::string& precision) {
  if (precision != "fp32" && precision != "bf16" && precision != "int8") {
    throw UsageError("encoder.precision: \"" + precision + "\" is unknown, must be fp32, bf16 or int8");
  }
  precision_ = precision;
}

void FoldedEncoder::import_weights(const TensorMap& weights, const std::string& source) {
  const torch::NoGradGuard no_grad;
  for (const auto& [name, shape] : published_tensors()) find(weights, name, shape, source);
  for (auto& convolution : convolutions_) {
    const auto& weight = weights.at(convolution.source + ".weight");
    if (convolution.norm.empty()) {
      convolution.weight.copy_(weight);
      convolution.bias.copy_(weights.at(convolution.source + ".bias"));
      continue;
    }
    const auto statistic = [&](const char* name) { return weights.at(convolution.norm + name).to(torch::kDouble); };
    const auto scale = statistic(".weight") / (statistic(".running_var") + convolution.epsilon).sqrt();  // [O]
    convolution.weight.copy_(weight * scale.view({-1, 1, 1, 1}));
    convolution.bias.copy_(statistic(".bias") - statistic(".running_mean") * scale);
    require_finite(convolution.weight, convolution.norm + ".running_var", source);  // a variance below 0
    require_finite(convolution.bias, convolution.norm + ".bias", source);
  }
}

std::map<std::string, std::vector<int64_t>> FoldedEncoder::published_tensors() const {
  std::map<std::string, std::vector<int64_t>> tensors;
  for (const auto& convolution : convolutions_) {
    const auto outputs = convolution.bias.sizes().vec();
    tensors[convolution.source + ".weight"] = convolution.weight.sizes().vec();
    if (convolution.norm.empty()) {
      tensors[convolution.source + ".bias"] = outputs;
    } else {
      for (const auto* name : {".weight", ".bias", ".running_mean", ".running_var"}) {
        tensors[convolution.norm + name] = outputs;
      }
    }
  }
  return tensors;
}

TensorMap FoldedEncoder::state() const {
  TensorMap state;
  for (const auto& convolution : convolutions_) {
    state[convolution.name + ".weight"] = convolution.weight;
    state[convolution.name + ".bias"] = convolution.bias;
  }
  return state;
}

void FoldedEncoder::load_state(const TensorMap& state, const std::string& source) {
  const torch::NoGradGuard no_grad;
  const auto own = this->state();
  for (const auto& [name, tensor] : own) find(state, name, tensor.sizes(), source);
  for (auto [name, tensor] : own) tensor.copy_(state.at(name));
}

void FoldedEncoder::to(torch::Device device) {
  for (auto& convolution : convolutions_) {
    convolution.weight.set_data(convolution.weight.to(device));
    convolution.bias.set_data(convolution.bias.to(device));
  }
}

void FoldedEncoder::check(const torch::Tensor& pictures) const {
  const auto type = pictures.scalar_type();
  const bool fits = pictures.dim() == 4 && pictures.size(3) == 3 && (type == torch::kByte || type == torch::kFloat) &&
                    pictures.size(1) >= 32 && pictures.size(2) >= 32 && pictures.is_contiguous();
  if (!fits) {
    throw Error("encoder: pictures are " + c10::str(pictures.sizes()) + " " + c10::str(type) +
                ", must be contiguous bytes or fp32 [B, S, S, 3] with S of 32 or more");
  }
  if (pictures.device() != device()) throw Error("encoder: pictures and weights are on different devices");
}

}  // namespace attend
