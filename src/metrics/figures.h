// All figures of a set of captions in one go: what evaluation prints and validation watches.
#pragma once

#include <string>
#include <vector>

#include "metrics/bleu.h"
#include "metrics/caption_pair.h"

namespace attend {

struct Figures : WordUse {
  BleuScores bleu;
  Scores rouge_l, cider_d;
};

/// candidates[i] and references[i] are captions of picture i as plain text; both are tokenized here.
Figures score_captions(const std::vector<std::string>& candidates,
                       const std::vector<std::vector<std::string>>& references);

}  // namespace attend
