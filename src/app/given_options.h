// The flags that say which captions are given to which pictures: of score, align and audit.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/options.h"
#include "data/caption_list.h"
#include "decode/beam.h"
#include "pipeline/picture_source.h"

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

/// The pictures at `paths`; what is passed over is said, what isn't there goes to `list`. Throws UsageError where no path is named.
std::vector<std::filesystem::path> find_given_pictures(const std::vector<std::string>& paths, bool recursive,
                                                       CaptionList& list);

/// Pictures and the captions of each, as the pipeline takes them.
struct GivenPictures {
  explicit GivenPictures(const std::vector<CaptionedPicture>& list);

  std::vector<PictureSource> pictures;
  std::vector<std::vector<std::string>> captions;  // of pictures[i], at least one
};

/// "2 of 5 captions"
std::string count_of_captions(size_t part, size_t all);

}  // namespace attend
