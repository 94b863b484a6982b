// Any number of pictures with captions that are given → how likely each is and where the model looks for its words.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/host.h"
#include "base/json.h"
#include "decode/ensemble.h"
#include "decode/explain.h"
#include "decode/forced.h"
#include "pipeline/picture_batches.h"

namespace attend {

/// Words that are asked for together wherever they stand side by side in a caption.
struct GivenPhrase {
  std::string text;
  std::vector<std::string> tokens;  // of the text, as captions are tokenized for training; at least one

  /// Where it begins in these tokens; its places don't overlap.
  std::vector<size_t> places_in(const std::vector<std::string>& caption) const;
};

/// How captions are scored.
struct ScoreWork {
  DecodeOptions decode;  // its temperature, frequency_exponent and locations
  int paths = 1;         // see ForceOptions
  int max_words = 1000;  // a caption of more is refused
  bool maps = true;      // of attention
  BatchPlan plan;
  const ExplainOptions* explain =
      nullptr;                  // how captions are explained by gradients; null: not. Then one batch at a time
  bool explain_all = false;     // all captions of a picture, not the first alone
  bool explain_pixels = false;  // by the pixels, too
  std::vector<GivenPhrase> phrases = {};  // looked for in every caption
  bool noun_phrases = false;              // also the caption's own: text/noun_phrases.h
  const NearestWords* nearest =
      nullptr;  // words that stand for those that the model doesn't know; null: they are left out
};

/// Why a caption can't be scored, in one line that names it, or "". subject: what it is, "photo.jpg: caption".
std::string caption_refusal(const GivenCaption& given, const std::string& subject, int max_words);

/// What is known of a given caption beside what a SeenCaption has.
struct GivenBeside {
  size_t place = 0;                    // among the captions that were given to the picture
  std::vector<std::string> tokens;     // all of the caption's
  std::vector<size_t> unknown;         // places in `tokens` of those that the model has no word for; they are left out
  std::vector<size_t> replaced;        // places in `tokens` of those that a known word stands for: ScoreWork::nearest
  std::vector<int64_t> rank;           // [T + 1] of each word and of <end> among all that the model may say there
  std::vector<std::string> likeliest;  // [T + 1], what the model finds likeliest there
  std::vector<double> likeliest_log_probability;  // [T + 1], as word_log_probability
  double perplexity = 0;                          // of the plain probabilities, <end> counts
};

/// Why a caption couldn't be scored, one line that names its picture.
struct CaptionRefusal {
  size_t place;  // among the captions that were given to the picture
  std::string text;
};

/// A picture with captions that were given.
struct ScoredPicture {
  SeenPicture seen;  // its captions are those given, in their order, but for those that couldn't be scored
  std::vector<GivenBeside> given;        // of seen.captions
  std::vector<CaptionRefusal> refusals;  // none where the picture is refused
};

/// Scores captions[i], at least one, of pictures[i], and hands batches to `take` in the order of the list. Throws Interrupted,
/// between batches, when the host asks to stop.
void score_pictures(Ensemble& ensemble, const ListView<PictureSource>& pictures,
                    const ListView<std::vector<std::string>>& captions, const ScoreWork& work, const Host& host,
                    const std::function<void(std::vector<ScoredPicture>& batch)>& take);

/// Caption `place` of a picture as JSON: what caption_record() has of a picture's best one, but for "confidence", "familiar" and
/// "alternatives", and "perplexity", "unknown" (the words that were left out), "unknown_share" (of all of the caption's), "replaced" where words were ("token",
/// "word"), and in
/// each of its "words" "rank", "likeliest" and "likeliest_log_probability"; "end" has the same of <end>; where phrases were asked
/// for, "phrases": "phrase", "words" (places in "words"), their summed log-probabilities, their mean maps. `attention`: whether maps
/// are wanted.
Json score_record(const ScoredPicture& picture, size_t place, bool attention);

}  // namespace attend
