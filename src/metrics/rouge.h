// ROUGE-L (Lin, "ROUGE: a package for automatic evaluation of summaries", 2004, section 3).
#pragma once

#include <span>

#include "metrics/caption_pair.h"

namespace attend {

/// ROUGE-L as coco-caption computes it: the F-measure (beta = 1.2) of the best precision and the best recall of the
/// longest common subsequence, each the best over all references. An empty caption counts as one empty word.
/// Throws InputError where a pair has no reference.
Scores rouge_l(std::span<const CaptionPair> pairs);

}  // namespace attend
