// From annotations to captions: a Captioner behind the beam search.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "decode/beam.h"
#include "model/captioner.h"

namespace attend {

/// A caption in words, with where each word looked.
struct Caption {
  std::string text;                          // detokenized
  std::vector<std::string> words;            // as the vocabulary has them
  std::vector<double> word_log_probability;  // of each word, and of <end> after the last, as the search weighed them
  std::vector<double> plain_word_log_probability;  // the same as the model itself has them
  double log_probability = 0;                      // of the whole caption, <end> included
  double plain_log_probability() const;            // of the whole caption as the model itself has it
  torch::Tensor alpha;                             // [words, L]
  std::vector<int64_t> locations;  // [words], the cell hard attention looked at; -1: the expected context
  bool holds_all = true;           // false: no caption was found that holds all that it must, and this isn't one
  // Of the best caption of a picture, where the model knows it:
  std::optional<double> confidence;  // probability that it is among the better half: decode/confidence.h
  std::optional<bool> familiar;      // whether the picture is like those of training
  std::vector<double> evidence;      // what confidence is made of
  double distance = 0;               // from training's pictures; 0: unknown
};

/// The decode options a model file carries (its "decode" section), to be overridden by configuration and flags.
DecodeOptions model_decode_options(const Captioner& captioner, const std::string& source);

/// Throws UsageError where `options` contradict each other, or ask of a captioner what its attention can't do.
void check_decode_options(const DecodeOptions& options, const AttentionOptions& attention);

/// The same for a captioner read from the file `source`, whose vocabulary must have the counts that `options` need and the words that
/// captions must hold, too.
void check_decode_options(const DecodeOptions& options, const Captioner& captioner, const std::string& source);

/// The decoder over annotations [B, L, D] as Captioner::annotate() gives them; `decoder` must outlive it. locations: where
/// hard attention looks, as in DecodeOptions.
std::unique_ptr<WordModel> make_word_model(Decoder& decoder, const torch::Tensor& annotations,
                                           const std::string& locations);

/// The same as the options want it: its logits less frequency_exponent times the logarithm of each word's frequency (logit
/// adjustment: Menon et al., "Long-tail learning via logit adjustment", 2021, equation 9), over temperature. A word's
/// frequency is how often it stands in a training caption, <end> once; the vocabulary must have counts for that.
std::unique_ptr<WordModel> make_word_model(Captioner& captioner, const torch::Tensor& annotations,
                                           const DecodeOptions& options);

/// What captions in this vocabulary, of the file `source`, must hold and mustn't. Throws UsageError as Constraints does.
Constraints constraints_of(const DecodeOptions& options, const Vocabulary& vocabulary, const std::string& source);

/// A hypothesis in words.
Caption caption_of(Hypothesis hypothesis, const Vocabulary& vocabulary);

/// The n best captions of each of a model's pictures, best first. families: word_families() of the vocabulary.
std::vector<std::vector<Caption>> search_captions(WordModel& model, const Vocabulary& vocabulary,
                                                  const DecodeOptions& options, const std::vector<int32_t>& families);

/// annotations [B, L, D] as Captioner::annotate() gives them → the n best captions of each picture, best first.
std::vector<std::vector<Caption>> caption_annotations(Captioner& captioner, const torch::Tensor& annotations,
                                                      const DecodeOptions& options);

}  // namespace attend
