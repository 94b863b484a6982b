// Captions drawn from a model's distribution, many pictures at once.
//
// B pictures · n captions a picture · R live rows (captions that haven't ended) · V words
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <vector>

#include "decode/beam.h"

namespace attend {

struct SampleOptions {
  int samples = 5;         // n, captions a picture
  int max_length = 30;     // words; a caption that has said so many is cut off
  double temperature = 1;  // logits are divided by it: below 1 likely words become likelier
};

/// A caption as it was drawn.
struct Sample {
  std::vector<int64_t> words;  // without <start> and <end>
  bool ended = false;          // by saying <end>; false: cut off at max_length
  std::vector<int64_t> locations =
      {};  // of each draw, that of <end> included: the cell hard attention looked at, or -1
};

/// The distribution that sample() draws words from, as logarithms [R, V]: that of the logits [R, V] over `temperature`
/// without <pad>, <start> and <unk>, which are never said. Differentiable.
torch::Tensor say_log_probability(const torch::Tensor& logits, double temperature);

/// n captions of each picture, drawn word by word. Rows leave the batch as their captions end. The draws are those of
/// the CPU's default generator: the same after the same torch::manual_seed().
std::vector<std::vector<Sample>> sample(WordModel& model, const SampleOptions& options);

}  // namespace attend
