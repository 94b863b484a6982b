// BLEU-1 to BLEU-4 (Papineni et al., "BLEU: a method for automatic evaluation of machine translation", 2002).
#pragma once

#include <array>
#include <span>
#include <vector>

#include "metrics/caption_pair.h"

namespace attend {

/// BLEU-n stands at index n - 1.
struct BleuScores {
  std::array<double, 4> corpus{};               // from counts summed over all pictures, not a mean
  std::vector<std::array<double, 4>> pictures;  // in the order of the pairs
};

/// BLEU as coco-caption computes it: clipped n-gram precisions in a geometric mean, the reference closest in length
/// (the shorter of two equally close) in the brevity penalty, and tiny constants in place of smoothing.
/// Throws InputError where a pair has no reference.
BleuScores bleu(std::span<const CaptionPair> pairs);

}  // namespace attend
