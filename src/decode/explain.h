// Implicit attention: what in a picture moves the probability of each word of its caption. Attention says where the
// decoder looked; the gradients say what the words depend on, attention or not.
//
// T words · S input side · L grid cells · D annotation size
#pragma once

#include <torch/torch.h>

#include <functional>
#include <string>
#include <vector>

#include "base/options.h"
#include "decode/caption.h"
#include "model/captioner.h"

namespace attend {

struct ExplainOptions {
  /// plain: the norm of the gradient over channels (Simonyan et al. 2014, section 3, there the largest). input: the
  /// absolute sum over channels of gradient times input (Shrikumar et al. 2016); a pixel's input is its value from 0,
  /// black, to 255. smooth: plain, of the mean gradient over noisy copies of the picture (SmoothGrad, Smilkov et al.
  /// 2017).
  std::string kind = "plain";
  int samples = 16;     // noisy copies (smooth)
  double noise = 0.15;  // their noise: standard deviation as a share of the range of pixels, 255 (smooth)
  int64_t seed = 1;     // of the noise; the same for every picture

  /// All but the kind, which is what is asked for with --explain.
  void list(OptionList& options);
};

/// How much each place of a picture moves the log-probability of each word of a caption, given the words before it.
/// Not negative; nats a unit of input (input: nats).
struct Explanation {
  torch::Tensor cells;                   // [T, L], by the annotations
  torch::Tensor pixels;                  // [T, S, S], by the pixels; undefined where not asked for
  std::vector<double> rank_correlation;  // [T], Spearman's, of each word's cells and its alpha; NaN where one is even
};

/// The Jacobian of the words' log-probabilities: annotations [1, L, D] and the T words of a caption, without <start> and
/// <end> → [T, L, D], row t the gradient of log p(word t | words before it, annotations). locations: the cells hard
/// attention looked at for each word, [T]; none: the expected context.
torch::Tensor word_gradients(Decoder& decoder, const torch::Tensor& annotations, const std::vector<int64_t>& words,
                             const std::vector<int64_t>& locations = {});

/// Explains `caption`, one that `captioner` may say of `picture` (u8 RGB [S, S, 3], as stack_inputs() gives them), in
/// fp32 whatever the encoder's precision. `pixels`: whether a map over them is wanted, which takes most of the time.
/// cancelled: whether to stop, asked at every word of every copy; then throws Interrupted.
Explanation explain_caption(
    Captioner& captioner, const torch::Tensor& picture, const Caption& caption, const ExplainOptions& options,
    bool pixels = true, const std::function<bool()>& cancelled = [] { return false; });

}  // namespace attend
