#include "model/recurrence.h"

#include <ATen/Parallel.h>

#include <vector>

#include "kernels/choose.h"

namespace attend {
namespace {

/// What has come back so far on one way back.
struct Steps : torch::CustomClassHolder {
  std::vector<torch::Tensor> inputs, gradients;  // [R, I], [R, O] each
};

struct StepFunction : torch::autograd::Function<StepFunction> {
  static torch::Tensor forward(torch::autograd::AutogradContext* context, const torch::Tensor& x,
                               const torch::Tensor& weight, c10::intrusive_ptr<torch::CustomClassHolder> steps,
                               bool first) {
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
  at::parallel_for(0, R, 16, [&](int64_t begin, int64_t end) {
    kernels::chosen().lstm_cell(H, by_word.data_ptr<float>(), by_state.data_ptr<float>(), before.data_ptr<float>(),
                                h.data_ptr<float>(), next.data_ptr<float>(), begin, end);
  });
  return {h, next};
}

}  // namespace attend
