// BLEU-1 to BLEU-4 (Papineni et al., "BLEU: a method for automatic evaluation of machine translation", 2002).
#pragma once

#include <array>
#include <span>
#include <vector>

#include "metrics/caption_pair.h"

namespace attend {

/// What BLEU counts of a picture; adds up to that of a corpus. Counts of n-grams stand at index n - 1.
struct BleuCounts {
  double length = 0, reference_length = 0;
  std::array<double, 4> correct{}, guessed{};

  BleuCounts& operator+=(const BleuCounts& other);
  /// BLEU-1 to BLEU-4.
  std::array<double, 4> scores() const;
};

/// BLEU-n stands at index n - 1.
struct BleuScores {
  std::array<double, 4> corpus{};               // from counts summed over all pictures, not a mean
  std::vector<std::array<double, 4>> pictures;  // in the order of the pairs
};

/// The counts of each picture. Throws InputError where a pair has no reference.
std::vector<BleuCounts> bleu_counts(std::span<const CaptionPair> pairs);

/// BLEU as coco-caption computes it: clipped n-gram precisions in a geometric mean, the reference closest in length
/// (the shorter of two equally close) in the brevity penalty, and tiny constants in place of smoothing.
/// Throws InputError where a pair has no reference.
BleuScores bleu(std::span<const CaptionPair> pairs);
/// The same from bleu_counts().
BleuScores bleu_of_counts(std::span<const BleuCounts> pictures);

}  // namespace attend
