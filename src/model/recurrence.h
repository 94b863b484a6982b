// What a recurrence repeats at every step: the LSTM's cell in one pass over its gates, where nothing is learnt, and a linear
// layer whose weight learns from all steps at once.
//
// R rows · H size of the state · I inputs · O outputs
#pragma once

#include <torch/custom_class.h>
#include <torch/torch.h>

#include <utility>

namespace attend {

/// Show, Attend and Tell, equations 1-3: word_gates + state_gates [R, 4H] (i, f, o, g before their sigmoids and tanh) and
/// c [R, H] → the next h and c, [R, H] each. fp32 on the processor; no graph.
std::pair<torch::Tensor, torch::Tensor> lstm_cell(const torch::Tensor& word_gates, const torch::Tensor& state_gates,
                                                  const torch::Tensor& c);

/// x · weight^T for the steps of one sequence, each of which depends on the one before. In a graph the gradient of the weight
/// is one product over all steps, made when the first one's turn comes, which is the last: adding up a gradient a step
/// would read and write the whole weight as often as there are steps.
class LinearOverSteps {
 public:
  /// weight [O, I].
  explicit LinearOverSteps(torch::Tensor weight);
  /// Of the next step: x [R, I] → [R, O].
  torch::Tensor forward(const torch::Tensor& x);

 private:
  torch::Tensor weight_;
  c10::intrusive_ptr<torch::CustomClassHolder> steps_;
  bool begun_ = false;
};

}  // namespace attend
