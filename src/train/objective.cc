#include "train/objective.h"

namespace attend {

namespace F = torch::nn::functional;
using torch::Tensor;

Loss cross_entropy_loss(const TeacherForced& taught, const PackedCaptions& captions, const TrainOptions& options) {
  Loss loss;
  loss.cross_entropy = F::cross_entropy(
      taught.logits, captions.targets.to(taught.logits.device()),
      F::CrossEntropyFuncOptions().label_smoothing(options.label_smoothing));  // []
  loss.total = loss.cross_entropy;
  if (options.doubly_stochastic > 0) {
    Tensor seen = taught.alpha_sum;  // [R, L]
    const bool mean = options.doubly_stochastic_form == "mean";
    if (mean) seen = seen * (static_cast<double>(seen.size(1)) / taught.lengths).unsqueeze(1);  // [R, L]
    const Tensor square = (1 - seen).square();                                                    // [R, L]
    loss.total = loss.total + options.doubly_stochastic * (mean ? square.mean() : square.sum(1).mean());  // []
  }
  return loss;
}

}  // namespace attend
