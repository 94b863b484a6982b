// What training makes small.
//
// R rows · L grid cells · N words in all rows together · V words in the vocabulary
#pragma once

#include "model/decoder.h"
#include "train/options.h"

namespace attend {

struct Loss {
  torch::Tensor total;          // scalar, what is differentiated
  torch::Tensor cross_entropy;  // scalar, nats a word, with label smoothing
};

/// lambda times the doubly stochastic regularizer (equation 14), a scalar; undefined for a lambda of 0:
///   sum:  mean over rows of  sum_i (1 - sum_t alpha_ti)^2, as in the paper;
///   mean: mean over rows and cells of (1 - (L / T) sum_t alpha_ti)^2: zero when attention is spread evenly over the
///         picture, whatever the size of the grid and the length of the caption.
torch::Tensor doubly_stochastic_regularizer(const TeacherForced& taught, const TrainOptions& options);

/// Cross-entropy of the true words (mean over N), with label smoothing (Szegedy et al. 2016, section 7), plus the doubly
/// stochastic regularizer.
Loss cross_entropy_loss(const TeacherForced& taught, const PackedCaptions& captions, const TrainOptions& options);

}  // namespace attend
