// Self-critical sequence training (Rennie et al., "Self-critical sequence training for image captioning", 2017): the
// decoder draws captions, and those that the metric likes better than a baseline become likelier.
//
// B pictures · n samples a picture · L grid cells · D annotation size
#pragma once

#include <torch/torch.h>

#include <vector>

#include "decode/sample.h"
#include "model/decoder.h"
#include "text/vocabulary.h"
#include "train/objective.h"
#include "train/options.h"
#include "train/reward.h"

namespace attend {

class SelfCritical {
 public:
  /// Captions are cut off after max_length words.
  SelfCritical(Reward reward, const Vocabulary& vocabulary, const TrainOptions& options, int max_length, int threads);

  struct Step {
    torch::Tensor loss;         // scalar, what is differentiated
    double sampled_reward = 0;  // mean over the samples
    double greedy_reward = 0;   // mean over the pictures, where it is the baseline
    double sampled_length = 0;  // words, mean over the samples
    int64_t words = 0;          // that were taught, <end> included
  };

  /// Draws captions for annotations [B, L, D] of these pictures (indices of the references) and returns the loss whose
  /// gradient is an unbiased estimate of that of the expected reward a caption, negative (REINFORCE, Williams 1992):
  ///
  ///     - 1 / (B n)  sum over samples of  (reward - baseline) log p(sample)
  ///
  /// plus the doubly stochastic regularizer. The baseline is the mean reward of the picture's other samples (Luo, "A
  /// better variant of self-critical sequence training", 2020) or the reward of the greedy caption; neither depends
  /// on the sample. With hard attention a sample is its words and its locations, both drawn. p is what the samples are drawn from (say_log_probability). The mean is over samples, not over
  /// their words: a divisor that depends on the samples would bias the estimate. Leaves the decoder in evaluation mode.
  ///
  /// `share`: the loss is this part of the whole batch's.
  /// mirrored[b]: what is said of picture b on the left counts as on the right; empty: of none.
  Step step(Decoder& decoder, const torch::Tensor& annotations, const std::vector<size_t>& pictures,
            const std::vector<bool>& mirrored = {}, const Share& share = {}) const;

 private:
  using Samples = std::vector<std::vector<Sample>>;

  /// Of each picture's captions, [B][n].
  std::vector<std::vector<double>> rewards(const Samples& samples, const std::vector<size_t>& pictures,
                                           const std::vector<bool>& mirrored) const;
  torch::Tensor policy_gradient_loss(const TeacherForced& taught, const PackedCaptions& packed, const Samples& samples,
                                     const std::vector<std::vector<double>>& advantages) const;

  const Reward reward_;
  const Vocabulary& vocabulary_;
  const TrainOptions options_;
  const int max_length_, threads_;
};

}  // namespace attend
