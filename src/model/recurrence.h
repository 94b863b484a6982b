// The LSTM's cell in one pass over its gates, where nothing is learnt.
//
// R rows · H size of the state
#pragma once

#include <torch/torch.h>

#include <utility>

namespace attend {

/// Show, Attend and Tell, equations 1-3: word_gates + state_gates [R, 4H] (i, f, o, g before their sigmoids and tanh) and
/// c [R, H] → the next h and c, [R, H] each. fp32 on the processor; no graph.
std::pair<torch::Tensor, torch::Tensor> lstm_cell(const torch::Tensor& word_gates, const torch::Tensor& state_gates,
                                                  const torch::Tensor& c);

}  // namespace attend
