// The flags that say which captions are given to which pictures: of score, align and audit.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/list_view.h"
#include "base/options.h"
#include "data/caption_list.h"
#include "decode/beam.h"
#include "pipeline/picture_source.h"
#include "pipeline/score_pictures.h"

namespace attend {

/// Which captions are given to which pictures.
struct GivenOptions {
  std::filesystem::path captions, images, data;
  std::vector<std::string> caption;
  bool sidecar = false, recursive = false;

  void list(OptionList& options);
  /// The captions of the pictures at `paths`, or of --captions; what can't be used is said on standard error. Throws UsageError
  /// where captions come from nowhere or from two places, InputError where there are none.
  CaptionList gather(const std::vector<std::string>& paths) const;

 private:
  CaptionList gather_results(const std::vector<std::string>& paths) const;
};

/// How given captions are weighed and where hard attention looks for their words: the part of DecodeOptions that isn't a search's.
struct WeighingOptions {
  int paths = 1;
  std::string unknown = "skip";

  /// Adds the flags for `decode`, the paths and unknown words.
  void list(OptionList& options, DecodeOptions& decode);
  /// The words that stand for unknown ones of the captions, where --unknown nearest asks for them.
  NearestWords nearest(const CaptionList& list, const Vocabulary& vocabulary) const;
  /// Throws UsageError where paths are asked for without sampled locations.
  void check(const DecodeOptions& decode) const;
};

/// The phrases whose maps are wanted.
struct PhraseOptions {
  std::vector<std::string> phrase;
  bool noun_phrases = false;

  bool any() const { return noun_phrases || !phrase.empty(); }
  void list(OptionList& options);
  /// As the pipeline takes them. Throws UsageError where one has no words or is in none of the captions.
  std::vector<GivenPhrase> find(const CaptionList& list) const;
};

/// The pictures at `paths`; what is passed over is said, what isn't there goes to `refusals`. Throws UsageError where no path is
/// named, InputError, which says why, where there is nothing at any.
std::vector<std::filesystem::path> find_given_pictures(const std::vector<std::string>& paths, bool recursive,
                                                       std::vector<std::string>& refusals);

/// Pictures, and their places by what captions elsewhere call them.
struct NamedPictures {
  std::vector<std::filesystem::path> pictures;
  PictureIndex index;
};

/// find_given_pictures(), each once.
NamedPictures find_named_pictures(const std::vector<std::string>& paths, bool recursive,
                                  std::vector<std::string>& refusals);

/// Pictures and the captions of each, as the pipeline takes them, of a store that outlives this.
struct GivenPictures {
  explicit GivenPictures(const CaptionStore& store);

  ListView<PictureSource> pictures;
  ListView<std::vector<std::string>> captions;  // of pictures[i], at least one
};

/// Says so where the model has no attention, so that its maps mean nothing.
void warn_without_attention(const Ensemble& ensemble);

/// "2 of 5 captions"
std::string count_of_captions(size_t part, size_t all);

}  // namespace attend
