// What a sampled caption is worth: the metric that self-critical training raises.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "metrics/caption_pair.h"
#include "metrics/cider.h"
#include "metrics/meteor.h"

namespace attend {

/// What counts beside CIDEr-D, whose weight is 1.
struct RewardWeights {
  double bleu = 0;    // of smoothed sentence BLEU-4
  double meteor = 0;  // of METEOR
};

/// CIDEr-D, with document frequencies of the training captions, plus other metrics by their weights. The end of a caption
/// counts as a word, in candidates and in references: without it, "a dog on a" would be worth as much as a caption that
/// ends well, and captions learn to break off (Hu, Cavicchioli and Capotondi, "A request for clarity over the end of
/// sequence token in the self-critical sequence training", 2023). The CIDEr-D of evaluation knows no such word, nor does
/// METEOR here, whose alignment of words with words and phrases has no place for it.
class Reward {
 public:
  /// references[i]: the training captions of picture i. `tables` are METEOR's. Throws InputError for a picture without
  /// a reference.
  Reward(std::vector<std::vector<Tokens>> references, const RewardWeights& weights,
         std::shared_ptr<const MeteorTables> tables);

  /// A sampled caption's words; `ended`: it said <end>.
  struct Candidate {
    Tokens words;
    bool ended = true;
  };
  /// The rewards of some captions of one picture. Safe to call from several threads at once.
  std::vector<double> of(size_t picture, std::span<const Candidate> captions) const;

 private:
  std::vector<double> meteor_of(size_t picture, std::span<const Candidate> captions) const;

  const RewardWeights weights_;
  std::vector<std::vector<Tokens>> references_;  // ended
  Cider cider_;
  std::unique_ptr<Meteor> meteor_;
};

}  // namespace attend
