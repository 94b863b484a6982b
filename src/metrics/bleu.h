// BLEU-1 to BLEU-4 (Papineni et al., "BLEU: a method for automatic evaluation of machine translation", 2002).
#pragma once

#include <array>
#include <span>
#include <vector>

#include "metrics/caption_pair.h"
#include "metrics/ngrams.h"

namespace attend {

/// What BLEU counts of a picture; adds up to that of a corpus. Counts of n-grams stand at index n - 1.
struct BleuCounts {
  double length = 0, reference_length = 0;
  std::array<double, 4> correct{}, guessed{};

  BleuCounts& operator+=(const BleuCounts& other);
  /// BLEU-1 to BLEU-4.
  std::array<double, 4> scores() const;
  /// BLEU-4 of a single caption, with one added to the counts of two to four words, so that a caption without a common
  /// 4-gram has a figure too (Lin and Och, "ORANGE: a method for evaluating automatic evaluation metrics", 2004).
  double smoothed() const;
};

/// The references of a picture, ready to count any number of candidates against.
class BleuReferences {
 public:
  /// At least one.
  explicit BleuReferences(std::span<const Tokens> references);
  BleuCounts count(const Tokens& candidate) const;

 private:
  std::vector<Ngrams> ngrams_;
  std::vector<size_t> lengths_;
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

/// Self-BLEU-4 (Zhu et al., "Texygen: a benchmarking platform for text generation models", 2018): how alike the captions of each
/// picture are. BLEU-4 of every caption with the others of its picture as references, from counts summed over all captions of all
/// pictures; 1 where they are the same. Pictures with fewer than two captions are left out; NaN where that leaves none.
double self_bleu(std::span<const std::vector<Tokens>> pictures);

}  // namespace attend
