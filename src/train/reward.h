// What a sampled caption is worth: the metric that self-critical training raises.
#pragma once

#include <span>
#include <vector>

#include "metrics/caption_pair.h"
#include "metrics/cider.h"

namespace attend {

/// CIDEr-D, with document frequencies of the training captions, plus `bleu_weight` times smoothed sentence BLEU-4. The end
/// of a caption counts as a word, in candidates and in references: without it, "a dog on a" would be worth as much as
/// a caption that ends well, and captions learn to break off (Hu, Cavicchioli and Capotondi, "A request for clarity over
/// the end of sequence token in the self-critical sequence training", 2023). The CIDEr-D of evaluation knows no such word.
class Reward {
 public:
  /// references[i]: the training captions of picture i. Throws InputError for a picture without one.
  Reward(std::vector<std::vector<Tokens>> references, double bleu_weight);

  /// A sampled caption's words; `ended`: it said <end>.
  struct Candidate {
    Tokens words;
    bool ended = true;
  };
  /// The rewards of some captions of one picture. Safe to call from several threads at once.
  std::vector<double> of(size_t picture, std::span<const Candidate> captions) const;

 private:
  double bleu_weight_;
  std::vector<std::vector<Tokens>> references_;  // ended
  Cider cider_;
};

}  // namespace attend
