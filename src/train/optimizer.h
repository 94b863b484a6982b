// Adam with decoupled weight decay, gradient clipping and an average of the weights: the state a run needs to go on.
#pragma once

#include <torch/torch.h>

#include <string>
#include <vector>

#include "model/encoder.h"
#include "train/options.h"

namespace attend {

/// A parameter under training.
struct TrainedParameter {
  std::string name;
  torch::Tensor value;
  bool of_encoder = false;
};

class Optimizer {
 public:
  Optimizer(std::vector<TrainedParameter> parameters, const TrainOptions& options);

  /// Scales the gradients to a norm of at most clip_norm and returns the norm they had. Not finite: nothing is changed.
  double clip();

  /// One update of every parameter that has a gradient: Adam (Kingma and Ba 2015), AdamW (Loshchilov and Hutter 2019) or
  /// RMSProp (Tieleman and Hinton 2012, decay 0.9); then one of the average; then gradients are dropped. `factor` is the schedule's; the encoder has a
  /// warm-up of its own, counted from its first gradient.
  void step(double factor);

  /// Exchanges weights and averaged weights; again to undo. Without averaging, does nothing.
  void swap_average();

  /// Moments, averages and step counts, by name; load() throws InputError that names `source`.
  TensorMap state() const;
  void load(const TensorMap& state, const std::string& source);

 private:
  struct Slot {
    TrainedParameter parameter;
    torch::Tensor first, second, average;  // as the parameter
    int64_t steps = 0;
  };
  double rate(double factor, bool of_encoder, int64_t steps) const;
  double average_kept(int64_t steps) const;
  /// One update of a slot that has a gradient, and of its average.
  void update_in_one_pass(Slot& slot, double factor);
  /// One update of slots that have a gradient and took as many steps, this one counted.
  void update(const std::vector<Slot*>& slots, double rate, double decay, int64_t steps);

  std::vector<Slot> slots_;
  TrainOptions options_;
};

}  // namespace attend
