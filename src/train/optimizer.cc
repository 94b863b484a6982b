#include "train/optimizer.h"

#include <ATen/Parallel.h>

#include <cmath>
#include <map>
#include <tuple>

#include "base/error.h"
#include "train/update_rule.h"

namespace attend {

using torch::Tensor;

namespace {

constexpr double kBeta1 = 0.9, kBeta2 = 0.999, kDecay = 0.9;

/// Whether one pass over its memory, in whatever order it lies there, can update it.
bool lies_in_memory(const Tensor& value) {
  return value.is_cpu() && value.dtype() == torch::kFloat && value.is_non_overlapping_and_dense();
}

}  // namespace

Optimizer::Optimizer(std::vector<TrainedParameter> parameters, const TrainOptions& options) : options_(options) {
  for (auto& parameter : parameters) {
    const Tensor value = parameter.value.detach();
    Slot slot{std::move(parameter), torch::zeros_like(value), torch::zeros_like(value), Tensor()};
    if (options.averaging > 0) slot.average = value.clone();
    slots_.push_back(std::move(slot));
  }
}

double Optimizer::clip() {
  std::vector<Tensor> gradients;
  for (const auto& slot : slots_)
    if (const auto& gradient = slot.parameter.value.grad(); gradient.defined()) gradients.push_back(gradient);
  if (gradients.empty()) return 0;
  const double norm = torch::stack(at::_foreach_norm(gradients)).norm().item<double>();
  if (std::isfinite(norm) && options_.clip_norm > 0 && norm > options_.clip_norm)
    at::_foreach_mul_(gradients, options_.clip_norm / norm);
  return norm;
}

void Optimizer::step(double factor) {
  const torch::NoGradGuard no_grad;
  // Slots that are updated in the same way go together: on a GPU a call for each would take longer than its work.
  std::map<std::tuple<bool, bool, int64_t>, std::vector<Slot*>> groups;
  std::map<int64_t, std::vector<Slot*>> averaged;
  for (auto& slot : slots_) {
    const Tensor& value = slot.parameter.value;
    if (value.grad().defined()) {
      ++slot.steps;
      if (lies_in_memory(value)) {
        update_in_one_pass(slot, factor);
        continue;
      }
      groups[{slot.parameter.of_encoder, value.dim() > 1, slot.steps}].push_back(&slot);
    }
    if (slot.average.defined() && slot.steps > 0) averaged[slot.steps].push_back(&slot);
  }
  for (const auto& [kind, slots] : groups) {
    const auto& [of_encoder, decays, steps] = kind;
    update(slots, rate(factor, of_encoder, steps), decays ? options_.weight_decay : 0, steps);
  }
  for (const auto& [steps, slots] : averaged) {
    const double kept = average_kept(steps);
    std::vector<Tensor> averages, values;
    for (auto* slot : slots) averages.push_back(slot->average), values.push_back(slot->parameter.value);
    at::_foreach_mul_(averages, kept);
    at::_foreach_add_(averages, values, 1 - kept);
  }
}

double Optimizer::rate(double factor, bool of_encoder, int64_t steps) const {
  const double rate = factor * (of_encoder ? options_.encoder_learning_rate : options_.learning_rate);
  const bool warms_up = of_encoder && steps < options_.warmup_steps;
  return warms_up ? rate * static_cast<double>(steps) / options_.warmup_steps : rate;
}

double Optimizer::average_kept(int64_t steps) const {
  const auto count = static_cast<double>(steps);
  return std::min(options_.averaging, (1 + count) / (10 + count));
}

void Optimizer::update_in_one_pass(Slot& slot, double factor) {
  Tensor& value = slot.parameter.value;
  Tensor gradient = value.grad();
  value.mutable_grad() = Tensor();
  // In the order in which the value lies in memory, like its moments and its average.
  if (gradient.dtype() != torch::kFloat || gradient.strides() != value.strides())
    gradient = torch::empty_like(value).copy_(gradient);
  const double decay = value.dim() > 1 ? options_.weight_decay : 0, step = static_cast<double>(slot.steps),
               rate = this->rate(factor, slot.parameter.of_encoder, slot.steps);
  const bool adam = options_.optimizer != "rmsprop", decoupled = options_.optimizer == "adamw";
  UpdateRule rule;
  rule.decay = static_cast<float>(decoupled ? 0 : decay);
  rule.kept = static_cast<float>(decoupled ? 1 - rate * decay : 1);
  rule.first_kept = static_cast<float>(adam ? kBeta1 : 0);
  rule.second_kept = static_cast<float>(adam ? kBeta2 : kDecay);
  rule.second_scale = static_cast<float>(adam ? 1 / (1 - std::pow(kBeta2, step)) : 1);
  rule.rate = static_cast<float>(adam ? rate / (1 - std::pow(kBeta1, step)) : rate);
  rule.average_kept = static_cast<float>(average_kept(slot.steps));
  const auto from = [](const Tensor& tensor, int64_t i) {
    return tensor.defined() ? tensor.data_ptr<float>() + i : nullptr;
  };
  constexpr int64_t kLeast = 1 << 16;  // numbers for which a thread is worth while
  at::parallel_for(0, value.numel(), kLeast, [&](int64_t begin, int64_t end) {
    apply(rule, end - begin, from(gradient, begin), from(value, begin), from(slot.first, begin),
          from(slot.second, begin), from(slot.average, begin));
  });
}

void Optimizer::update(const std::vector<Slot*>& slots, double rate, double decay, int64_t steps) {
  std::vector<Tensor> values, gradients, first, second;
  for (auto* slot : slots) {
    auto& gradient = slot->parameter.value.mutable_grad();
    values.push_back(slot->parameter.value);
    gradients.push_back(gradient);
    first.push_back(slot->first);
    second.push_back(slot->second);
    gradient = Tensor();
  }
  if (options_.optimizer == "adamw")
    at::_foreach_mul_(values, 1 - rate * decay);
  else if (decay > 0)
    at::_foreach_add_(gradients, values, decay);
  const bool adam = options_.optimizer != "rmsprop";
  const double kept = adam ? kBeta2 : kDecay;
  at::_foreach_mul_(second, kept);
  at::_foreach_addcmul_(second, gradients, gradients, 1 - kept);
  if (adam) {
    at::_foreach_mul_(first, kBeta1);
    at::_foreach_add_(first, gradients, 1 - kBeta1);
  }
  const double correction1 = adam ? 1 - std::pow(kBeta1, steps) : 1,
               correction2 = adam ? 1 - std::pow(kBeta2, steps) : 1;
  auto scale = at::_foreach_div(second, correction2);  // as the values
  at::_foreach_sqrt_(scale);
  at::_foreach_add_(scale, kUpdateEpsilon);
  at::_foreach_addcdiv_(values, adam ? first : gradients, scale, -rate / correction1);
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
