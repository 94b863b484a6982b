#include "train/objective.h"

namespace attend {

namespace F = torch::nn::functional;
using torch::Tensor;

Tensor doubly_stochastic_regularizer(const TeacherForced& taught, const TrainOptions& options) {
  if (options.doubly_stochastic == 0) return {};
  Tensor seen = taught.alpha_sum;  // [R, L]
  const bool mean = options.doubly_stochastic_form == "mean";
  if (mean) seen = seen * (static_cast<double>(seen.size(1)) / taught.lengths).unsqueeze(1);  // [R, L]
  const Tensor square = (1 - seen).square();                                                    // [R, L]
  return options.doubly_stochastic * (mean ? square.mean() : square.sum(1).mean());             // []
}

Loss cross_entropy_loss(const TeacherForced& taught, const PackedCaptions& captions, const TrainOptions& options) {
  Loss loss;
  loss.cross_entropy = F::cross_entropy(
      taught.logits, captions.targets.to(taught.logits.device()),
      F::CrossEntropyFuncOptions().label_smoothing(options.label_smoothing));  // []
  loss.total = loss.cross_entropy;
  if (const Tensor regularizer = doubly_stochastic_regularizer(taught, options); regularizer.defined())
    loss.total = loss.total + regularizer;  // []
  return loss;
}

}  // namespace attend
