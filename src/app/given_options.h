// The flags that say which captions are given to which pictures: of score, align and audit.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "app/model_file.h"
#include "base/options.h"
#include "data/caption_list.h"
#include "decode/beam.h"

namespace attend {

/// Which captions are given to which pictures.
struct GivenOptions {
  std::filesystem::path captions, images;
  std::vector<std::string> caption;
  bool sidecar = false, recursive = false;

  void list(OptionList& options);
  /// The captions of the pictures at `paths`, or of --captions; what can't be used is said on standard error. Throws UsageError
  /// where captions come from nowhere or from two places, InputError where there are none.
  CaptionList gather(const std::vector<std::string>& paths) const;
};

/// How given captions are weighed and where hard attention looks for their words: the part of DecodeOptions that isn't a search's.
struct WeighingOptions {
  int paths = 1;

  /// Adds the flags for `decode` and the paths.
  void list(OptionList& options, DecodeOptions& decode);
  /// Throws UsageError where paths are asked for without sampled locations.
  void check(const DecodeOptions& decode) const;
};

/// Throws UsageError where several models are named.
void require_one_model(const ModelFiles& files);

/// "2 of 5 captions"
std::string count_of_captions(size_t part, size_t all);

}  // namespace attend
