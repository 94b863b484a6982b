// The layers that networks are built of, with first weights or, where a file's will replace them at once, without.
#pragma once

#include <torch/torch.h>

namespace attend {

/// While one of these lives, what its thread builds of linear(), embedding() and FoldedEncoder has arbitrary weights:
/// drawing random ones takes longer than reading those of a model file.
class WithoutFirstWeights {
 public:
  WithoutFirstWeights();
  ~WithoutFirstWeights();
  WithoutFirstWeights(const WithoutFirstWeights&) = delete;
  WithoutFirstWeights& operator=(const WithoutFirstWeights&) = delete;
};

/// Whether networks get first weights now.
bool draws_first_weights();

/// x [N, inputs] → [N, outputs].
torch::nn::Linear linear(int64_t inputs, int64_t outputs, bool bias = true);
/// Numbers [N] below `count` → vectors [N, size].
torch::nn::Embedding embedding(int64_t count, int64_t size);

}  // namespace attend
