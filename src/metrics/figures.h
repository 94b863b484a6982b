// All figures of a set of captions in one go: what evaluation prints and validation watches.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "metrics/bleu.h"
#include "metrics/caption_pair.h"

namespace attend {

struct Figures {
  BleuScores bleu;
  Scores rouge_l, cider_d;
  double mean_length = 0;        // words a caption
  double distinct_captions = 0;  // different captions / captions
  int64_t distinct_words = 0;    // different words used
};

/// candidates[i] and references[i] are captions of picture i as plain text; both are tokenized here.
Figures score_captions(const std::vector<std::string>& candidates,
                       const std::vector<std::vector<std::string>>& references);

}  // namespace attend
