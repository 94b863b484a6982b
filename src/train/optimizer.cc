#include "train/optimizer.h"

#include <cmath>

#include "base/error.h"

namespace attend {

using torch::Tensor;

Optimizer::Optimizer(std::vector<TrainedParameter> parameters, const TrainOptions& options) : options_(options) {
  for (auto& parameter : parameters) {
    const Tensor value = parameter.value.detach();
    Slot slot{std::move(parameter), torch::zeros_like(value), torch::zeros_like(value), Tensor()};
    if (options.averaging > 0) slot.average = value.clone();
    slots_.push_back(std::move(slot));
  }
}

double Optimizer::clip() {
  double square = 0;
  for (const auto& slot : slots_)
    if (const auto& gradient = slot.parameter.value.grad(); gradient.defined())
      square += gradient.square().sum().item<double>();
  const double norm = std::sqrt(square);
  if (std::isfinite(norm) && options_.clip_norm > 0 && norm > options_.clip_norm)
    for (auto& slot : slots_)
      if (auto& gradient = slot.parameter.value.mutable_grad(); gradient.defined())
        gradient.mul_(options_.clip_norm / norm);
  return norm;
}

void Optimizer::step(double factor) {
  constexpr double kBeta1 = 0.9, kBeta2 = 0.999, kDecay = 0.9, kEpsilon = 1e-8;
  const torch::NoGradGuard no_grad;
  for (auto& slot : slots_) {
    Tensor& value = slot.parameter.value;
    auto& gradient = value.mutable_grad();
    if (gradient.defined()) {
      ++slot.steps;
      double rate = factor * (slot.parameter.of_encoder ? options_.encoder_learning_rate : options_.learning_rate);
      if (slot.parameter.of_encoder && slot.steps < options_.warmup_steps)
        rate *= static_cast<double>(slot.steps) / options_.warmup_steps;
      const double decay = value.dim() > 1 ? options_.weight_decay : 0;
      if (options_.optimizer == "adamw")
        value.mul_(1 - rate * decay);
      else if (decay > 0)
        gradient.add_(value, decay);
      if (options_.optimizer == "rmsprop") {
        slot.second.mul_(kDecay).addcmul_(gradient, gradient, 1 - kDecay);
        value.addcdiv_(gradient, slot.second.sqrt().add_(kEpsilon), -rate);
      } else {
        slot.first.mul_(kBeta1).add_(gradient, 1 - kBeta1);
        slot.second.mul_(kBeta2).addcmul_(gradient, gradient, 1 - kBeta2);
        const double correction1 = 1 - std::pow(kBeta1, slot.steps), correction2 = 1 - std::pow(kBeta2, slot.steps);
        const Tensor scale = (slot.second / correction2).sqrt_().add_(kEpsilon);  // as value
        value.addcdiv_(slot.first, scale, -rate / correction1);
      }
      gradient = Tensor();
    }
    if (slot.average.defined() && slot.steps > 0) {
      const auto steps = static_cast<double>(slot.steps);
      slot.average.lerp_(value, 1 - std::min(options_.averaging, (1 + steps) / (10 + steps)));
    }
  }
}

void Optimizer::swap_average() {
  const torch::NoGradGuard no_grad;
  for (auto& slot : slots_) {
    if (!slot.average.defined()) continue;
    const Tensor kept = slot.parameter.value.clone();  // as value
    slot.parameter.value.copy_(slot.average);
    slot.average.copy_(kept);
  }
}

TensorMap Optimizer::state() const {
  TensorMap state;
  for (const auto& slot : slots_) {
    state["first." + slot.parameter.name] = slot.first;
    state["second." + slot.parameter.name] = slot.second;
    state["steps." + slot.parameter.name] = torch::tensor({slot.steps}, torch::kInt64);  // [1]
    if (slot.average.defined()) state["average." + slot.parameter.name] = slot.average;
  }
  return state;
}

void Optimizer::load(const TensorMap& state, const std::string& source) {
  const auto take = [&](const std::string& name, Tensor target) {
    const auto found = state.find(name);
    if (found == state.end() || found->second.sizes() != target.sizes())
      throw InputError(source + ": " + name + " is missing or has another shape; it belongs to another configuration");
    target.copy_(found->second);
  };
  const torch::NoGradGuard no_grad;
  for (auto& slot : slots_) {
    take("first." + slot.parameter.name, slot.first);
    take("second." + slot.parameter.name, slot.second);
    const Tensor steps = torch::zeros({1}, torch::kInt64);  // [1]
    take("steps." + slot.parameter.name, steps);
    slot.steps = steps.item<int64_t>();
    if (slot.average.defined()) take("average." + slot.parameter.name, slot.average);
  }
}

}  // namespace attend
