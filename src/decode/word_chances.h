// How likely a model is to say a word of a picture, wherever in a caption: what a cheap search goes by.
//
// B pictures · R live rows · U words asked for · V words in the vocabulary
#pragma once

#include <torch/torch.h>

#include "decode/beam.h"

namespace attend {

/// Captions a model's pictures by beam search, and notes on the way how likely each of `words` [U] (int64) was where it was
/// likeliest: the logarithm of its largest probability at any step of any hypothesis, [B, U], on the CPU.
torch::Tensor word_chances(WordModel& model, const torch::Tensor& words, const DecodeOptions& decode);

}  // namespace attend
