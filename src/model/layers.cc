#include "model/layers.h"

namespace attend {
namespace {

thread_local int without_first_weights = 0;

}  // namespace

WithoutFirstWeights::WithoutFirstWeights() { ++without_first_weights; }
WithoutFirstWeights::~WithoutFirstWeights() { --without_first_weights; }

bool draws_first_weights() { return without_first_weights == 0; }

torch::nn::Linear linear(int64_t inputs, int64_t outputs, bool bias) {
  const auto options = torch::nn::LinearOptions(inputs, outputs).bias(bias);
  if (draws_first_weights()) return torch::nn::Linear(options);
  // LibTorch's layer always draws: a tiny one, whose tensors are exchanged.
  torch::nn::Linear layer(torch::nn::LinearOptions(1, 1).bias(bias));
  layer->options = options;
  layer->weight.set_data(torch::empty({outputs, inputs}));
  if (bias) layer->bias.set_data(torch::empty({outputs}));
  return layer;
}

torch::nn::Embedding embedding(int64_t count, int64_t size) {
  torch::nn::EmbeddingOptions options(count, size);
  if (!draws_first_weights()) options._weight(torch::empty({count, size}));
  return torch::nn::Embedding(options);
}

}  // namespace attend
