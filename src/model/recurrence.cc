#include "model/recurrence.h"

#include <ATen/Parallel.h>

#include <vector>

#include "model/lanes.h"

namespace attend {
namespace {

/// Absolute error below 3e-7: tanh x = 1 - 2 / (e^2x + 1); e^2x = 2^n 2^f with |f| <= 1/2 and 2^f by its Taylor
/// polynomial.
[[gnu::always_inline]] inline Lanes fast_tanh(Lanes x) {
  using Integers = int32_t __attribute__((vector_size(sizeof(Lanes))));
  constexpr float kRound = 12582912;  // 1.5 * 2^23: adding it leaves no bits below one
  x = x < -9 ? splat(-9) : x;
  x = x > 9 ? splat(9) : x;
  const Lanes t = x * 2.885390082f;  // 2 / ln 2
  const Lanes n = (t + kRound) - kRound, f = t - n;
  Lanes p = splat(1.5252734e-5f);
  p = p * f + 1.5403530e-4f;
  p = p * f + 1.3333558e-3f;
  p = p * f + 9.6181291e-3f;
  p = p * f + 5.5504109e-2f;
  p = p * f + 2.4022651e-1f;
  p = p * f + 6.9314718e-1f;
  p = p * f + 1.0f;
  const auto power = reinterpret_cast<Lanes>((__builtin_convertvector(n, Integers) + 127) << 23);  // 2^n
  return 1.0f - 2.0f * reciprocal(p * power + 1.0f);
}

[[gnu::always_inline]] inline Lanes fast_sigmoid(Lanes x) { return 0.5f * fast_tanh(0.5f * x) + 0.5f; }

/// What has come back so far on one way back.
struct Steps : torch::CustomClassHolder {
  std::vector<torch::Tensor> inputs, gradients;  // [R, I], [R, O] each
};

struct StepFunction : torch::autograd::Function<StepFunction> {
  static torch::Tensor forward(torch::autograd::AutogradContext* context, const torch::Tensor& x, const torch::Tensor& weight,
                               c10::intrusive_ptr<torch::CustomClassHolder> steps, bool first) {
    context->save_for_backward({x, weight});
    context->saved_data["steps"] = c10::IValue::make_capsule(std::move(steps));
    context->saved_data["first"] = first;
    context->saved_data["wanted"] = weight.requires_grad();
    return at::linear(x, weight);  // [R, O]
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const auto &x = saved[0], &weight = saved[1], &gy = gradients[0];
    torch::Tensor weight_gradient;
    if (context->saved_data["wanted"].toBool()) {
      const auto capsule = context->saved_data["steps"].toCapsule();
      auto& steps = dynamic_cast<Steps&>(*capsule);
      steps.inputs.push_back(x);
      steps.gradients.push_back(gy);
      if (context->saved_data["first"].toBool()) {
        weight_gradient = at::mm(torch::cat(steps.gradients).t(), torch::cat(steps.inputs));  // [O, I]
        steps.inputs.clear();
        steps.gradients.clear();
      }
    }
    return {at::mm(gy, weight), weight_gradient, torch::Tensor(), torch::Tensor()};
  }
};

}  // namespace

LinearOverSteps::LinearOverSteps(torch::Tensor weight)
    : weight_(std::move(weight)), steps_(c10::make_intrusive<Steps>()) {}

torch::Tensor LinearOverSteps::forward(const torch::Tensor& x) {
  const bool first = !begun_;
  begun_ = true;
  return StepFunction::apply(x, weight_, steps_, first);  // [R, O]
}

std::pair<torch::Tensor, torch::Tensor> lstm_cell(const torch::Tensor& word_gates, const torch::Tensor& state_gates,
                                                  const torch::Tensor& c) {
  const int64_t R = c.size(0), H = c.size(1);
  const auto by_word = word_gates.contiguous(), by_state = state_gates.contiguous(), before = c.contiguous();
  auto h = torch::empty({R, H}, c.options()), next = torch::empty({R, H}, c.options());  // [R, H] each
  const float *word = by_word.data_ptr<float>(), *state = by_state.data_ptr<float>(), *old = before.data_ptr<float>();
  float *h_out = h.data_ptr<float>(), *c_out = next.data_ptr<float>();
  at::parallel_for(0, R, 16, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      for (int64_t i = 0; i < H; i += kLanes) {
        const int64_t left = H - i, at = row * H + i;
        const auto gate = [&](int64_t number) {
          const int64_t from = (row * 4 + number) * H + i;
          return load_lanes(word + from, left) + load_lanes(state + from, left);
        };
        const Lanes cell = fast_sigmoid(gate(1)) * load_lanes(old + at, left) + fast_sigmoid(gate(0)) * fast_tanh(gate(3));
        store_lanes(c_out + at, cell, left);
        store_lanes(h_out + at, fast_sigmoid(gate(2)) * fast_tanh(cell), left);
      }
    }
  });
  return {h, next};
}

}  // namespace attend
