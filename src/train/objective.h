// What training makes small.
//
// R rows · L grid cells · N words in all rows together · V words in the vocabulary
#pragma once

#include "model/decoder.h"
#include "train/options.h"

namespace attend {

/// How much of a step's whole batch a part of it is: 1 where it is all of it. Each rank computes its part of the loss, so that the
/// sum over the ranks is what one process computes.
struct Share {
  double pictures = 1, rows = 1, words = 1;
};

struct Loss {
  torch::Tensor total;          // scalar, what is differentiated
  torch::Tensor cross_entropy;  // scalar, nats a word, with label smoothing
  torch::Tensor distillation;   // scalar, nats a word, KL(teachers || model); undefined without teachers
};

/// lambda times the doubly stochastic regularizer (equation 14), a scalar; undefined for a lambda of 0:
///   sum:  mean over rows of  sum_i (1 - sum_t alpha_ti)^2, as in the paper;
///   mean: mean over rows and cells of (1 - (L / T) sum_t alpha_ti)^2: zero when attention is spread evenly over the
///         picture, whatever the size of the grid and the length of the caption.
torch::Tensor doubly_stochastic_regularizer(const TeacherForced& taught, const TrainOptions& options);

/// Cross-entropy of the true words (mean over N), with label smoothing (Szegedy et al. 2016, section 7), plus the doubly
/// stochastic regularizer. With `teachers`, the log-probabilities that they give every word [N, V], the cross-entropy has
/// the weight 1 - distillation_weight, and KL(teachers || model) has distillation_weight: word-level knowledge
/// distillation (Hinton et al. 2015; Kim and Rush 2016, equation 4). With `weights` [N], `total` has each word's part times
/// its weight, still over N; the figures beside it are without. `share`: `total` is this part of the whole batch's loss.
Loss cross_entropy_loss(const TeacherForced& taught, const PackedCaptions& captions, const TrainOptions& options,
                        const torch::Tensor& teachers = {}, const torch::Tensor& weights = {}, const Share& share = {});

/// log alpha of the cell each word looked at, [N]; 0 where that was the expected context. Needs taught.locations.
torch::Tensor location_log_probability(const TeacherForced& taught);

/// What hard attention adds to the cross-entropy: the gradient of `total` is the part of equation 12 of Show, Attend
/// and Tell that reaches the weights alpha through the sampled locations s, with the sign of a loss,
///   -1/N sum_words  lambda_r (R - b) d log alpha_s + lambda_e dH[alpha],
/// summed over the words of the batch and divided by their number N, as the cross-entropy is. R is the log-probability of
/// the words that a location is credited with: of its whole caption, as in the paper, or (location_credit rest) of its
/// own word and those after it, which has the same mean, as a location can't change what was said before it, and varies
/// less (Sutton et al. 2000). b is `baseline` times the number of those words. Words whose picture showed the expected
/// context have no first term. With `weights` [N], a word's terms are multiplied by its own. Needs taught.locations.
struct HardAttentionLoss {
  torch::Tensor total;         // scalar
  double log_probability = 0;  // mean over the words with a sampled location, nats: what the baseline averages
  double averaged = 0;         // how many words that is the mean of
};
HardAttentionLoss hard_attention_loss(const TeacherForced& taught, const PackedCaptions& captions,
                                      const TrainOptions& options, double baseline, const torch::Tensor& weights = {},
                                      const Share& share = {});

}  // namespace attend
