// Beam search over many pictures at once.
//
// B pictures · K beam width · G groups of beams · R live rows (beams of all unfinished pictures) · L grid cells · V words
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/options.h"
#include "decode/constraints.h"

namespace attend {

struct DecodeOptions {
  int beam_width = 5;            // K; 1 is greedy
  double length_exponent = 0.7;  // score = log-probability / length^exponent (Wu et al. 2016, without their constant)
  double temperature = 1;        // of the distribution over the next word, softmax(logits / temperature), of each model
  double frequency_exponent = 0;  // of the words' frequencies that their probabilities are divided by, of each model
  int max_length = 30;            // words
  int min_length = 1;             // words
  double repetition_penalty = 0;  // off a word's log-probability for each time the caption has said a form of it
  int no_repeat_ngram = 0;        // n-grams of this many words are said once at most; 0 allows all
  int n_best = 1;                 // captions returned for each picture, at most K
  int beam_groups = 1;            // G, which divide the beam; each says other words than those before it
  double diversity = 0;           // off a word's log-probability for each beam of an earlier group that says it now
  std::vector<std::string> must, must_not;  // phrases that captions hold and don't hold, as Constraints reads them
  std::string locations = "expected";       // where hard attention looks: expected | argmax | sampled

  void list(OptionList& options);
  /// Throws UsageError where two of them contradict each other.
  void check() const;
};

/// A finished caption.
struct Hypothesis {
  std::vector<int64_t> words;                      // without <start> and <end>
  std::vector<double> word_log_probability;        // of each word; then of <end> where the caption ended by itself
  std::vector<double> plain_word_log_probability;  // the same by WordModel::plain_log_probability()
  double log_probability = 0;                      // of the whole caption, natural logarithm, <end> included
  double score = 0;                                // log_probability / length^exponent; length counts <end>
  torch::Tensor alpha;                             // [T, L], where each word looked
  std::vector<int64_t> locations;                  // [T], the cell hard attention looked at; -1: the expected context
  bool holds_all = true;  // false: nothing was found that holds every must-phrase, and this is how far the search came
};

/// What a beam search needs of a model. Rows are numbered from 0; the search decides which live on.
class WordModel {
 public:
  virtual ~WordModel() = default;
  struct Step {
    torch::Tensor logits;           // [R, V]
    torch::Tensor alpha;            // [R, L]
    torch::Tensor location = {};    // [R] int64, the cell each row looked at; undefined: the expected context
    torch::Tensor normalizer = {};  // [R], logarithm of the sum of exp(logits), where it is known
  };
  /// One row a picture, before any word; returns B.
  virtual int64_t start() = 0;
  /// Says the next word of every row, given the one before ([R] int64, <start> at first).
  virtual Step step(const torch::Tensor& words) = 0;
  /// Log-probabilities of words[i] after row rows[i] of the last step ([n] int64 each → [n]) as the model itself has it,
  /// where its logits were adjusted (frequency, temperature); undefined where they weren't.
  virtual torch::Tensor plain_log_probability(const torch::Tensor& /*rows*/, const torch::Tensor& /*words*/) {
    return {};
  }
  /// Goes on with these rows ([R'] int64, indices of rows of the last step, or of start(); repeats allowed), in this order.
  virtual void reorder(const torch::Tensor& rows) = 0;
};

/// The n best captions of each picture, best first. A hypothesis that says <end> among the K best of its picture gives
/// up its place in the beam, so a beam as wide as the space of captions finds the best there is; after max_length words
/// only <end> can follow. A picture is done when no live hypothesis can come among its n best any more. Where nothing at all may
/// follow, the best live hypothesis counts as it stands: there is always a caption. Ties go to the earlier beam, then to the
/// smaller word id, so that results don't depend on the batch. families: word_families() of the vocabulary, for
/// options.repetition_penalty; where it is empty, nothing is a repetition.
///
/// beam_groups > 1: diverse beam search (Vijayakumar et al., "Diverse Beam Search for Improved Description of Complex Scenes", AAAI
/// 2018, algorithm 1). Each group is a search of K / G beams. At each word the groups choose one after the other, and a word costs a
/// group `diversity` for each beam of the groups before it that has just chosen it (their Hamming diversity); the cost stays with the
/// hypothesis while it is searched, and is no part of its log-probability and score. The n best are the groups' best in turn, those of
/// the first group first, each caption once, and are then ranked by score.
///
/// constraints with must-phrases: grid beam search (Hokamp and Liu, ACL 2017, algorithm 1). Hypotheses that have covered equally many
/// must-words compete for K places of their own, <end> is for those that have covered all, and beside the likeliest words every
/// hypothesis is offered each must-word that it lacks. Other than there, a phrase may be given up after its first words; it then
/// counts as not begun. A must-not-phrase is never completed.
std::vector<std::vector<Hypothesis>> beam_search(WordModel& model, const DecodeOptions& options,
                                                 const std::vector<int32_t>& families = {},
                                                 const Constraints& constraints = {});

}  // namespace attend
