// Captions that are given, walked word by word: how likely a model finds each word, and where it looks for it. What a search
// does with captions of its own, for anybody's.
//
// B pictures · R rows · L grid cells · T words of a caption · V words in the vocabulary
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "decode/caption.h"
#include "text/nearest_words.h"

namespace attend {

/// A sentence as a model can be led along it.
struct GivenCaption {
  std::string text;                   // as it was given
  std::vector<std::string> tokens;    // of the text, as captions are tokenized for training
  std::vector<int64_t> ids;           // of the tokens; Vocabulary::kUnknown for those that the model doesn't know
  std::vector<size_t> replaced = {};  // places of tokens whose id is that of a word that stands for them

  /// What the model is led along: the ids without unknown ones, which are left out as if they weren't there.
  std::vector<int64_t> words() const;
  /// Places of the tokens that are unknown.
  std::vector<size_t> unknown() const;
};

/// nearest: known words that stand for unknown ones; null: none does.
GivenCaption given_caption(std::string text, const Vocabulary& vocabulary, const NearestWords* nearest = nullptr);

/// One caption to walk: of picture `picture` of a model's, the words without <start> and <end>.
struct GivenWords {
  int64_t picture;
  std::vector<int64_t> words;  // [T]
};

/// A walked caption. Its log_probability counts <end>; its score is log_probability / (T + 1)^length_exponent.
struct ForcedCaption : Hypothesis {
  /// Of each word and of <end>, [T + 1]: its rank among all that the model may say there (1: it would have said it), ties
  /// counted in its favour.
  std::vector<int64_t> rank;
  /// What the model finds likeliest there, [T + 1]; of equals the first; and its log-probability.
  std::vector<int64_t> likeliest;
  std::vector<double> likeliest_log_probability;

  /// exp(-mean of the plain log-probabilities of the words and <end>): Jelinek et al. 1977.
  double perplexity() const;
};

/// What is wanted beside log-probabilities.
struct ForceOptions {
  bool maps = true;   // alpha and locations
  bool ranks = true;  // rank, likeliest and its log-probability
  int paths = 1;      // N, over which the mean is taken where hard attention samples its cells: see PathsWordModel
};

/// Walks captions over a model's pictures, in the order given, and weighs their words as a search with `decode` does, of which
/// the repetition penalty (families: word_families() of the vocabulary) and the length exponent count here: log-probabilities
/// and maps are those that the search gives its own captions. Several may be of one picture, and of the same words: rows that
/// have said the same of the same picture are computed once. Where hard attention samples its cells, such rows share them, too.
std::vector<ForcedCaption> force_captions(WordModel& model, const std::vector<GivenWords>& captions,
                                          const DecodeOptions& decode, const ForceOptions& options,
                                          const std::vector<int32_t>& families = {});

/// The marginal distribution over the paths that hard attention may take, by sampling: every row of this model is N rows of
/// one that samples its cells, each weighed by how likely it made the words so far (importance sampling with the prior as
/// proposal; Show, Attend and Tell, equation 10, bounds the same sum). A caption's log-probability is then the logarithm
/// of the mean of its N paths' probabilities, whose expectation is exact. Alpha is the paths' weighted mean; there is
/// no location.
class PathsWordModel : public WordModel {
 public:
  /// `model` must outlive it.
  PathsWordModel(WordModel& model, int paths);

  int64_t start() override;
  Step step(const torch::Tensor& words) override;
  torch::Tensor plain_log_probability(const torch::Tensor& rows, const torch::Tensor& words) override;
  void reorder(const torch::Tensor& rows) override;

 private:
  /// rows [R] of this model → those of `model_`, N each, [R · N].
  torch::Tensor paths_of(const torch::Tensor& rows) const;

  WordModel& model_;
  const int64_t paths_;                  // N
  torch::Tensor rows_;                   // [R] int64, of the last step: where the rows of the next come from
  torch::Tensor weight_, plain_weight_;  // [R, N], logarithms of the weights of the last step's rows; plain: undefined
                                         // where the model has no other distribution
  torch::Tensor said_;                   // [R, N, V], log-probabilities of the last step; undefined before the first
};

}  // namespace attend
