// Any number of picture files to captions, in order, in memory that doesn't grow with their number.
#pragma once

#include <filesystem>
#include <functional>
#include <opencv2/core.hpp>
#include <optional>
#include <string>
#include <vector>

#include "decode/ensemble.h"
#include "decode/explain.h"

namespace attend {

/// What became of one picture.
struct PictureCaptions {
  size_t index;                   // into the list of pictures
  std::vector<Caption> captions;  // best first; none when the picture was refused
  cv::Size size;                  // of the upright picture
  std::string refusal;            // why there are no captions: one line that names the file
  std::optional<Explanation> explanation = {};  // of the best caption, where asked for
};

/// Which explanations of captions are wanted.
struct WantedExplanations {
  ExplainOptions options;
  bool pixels = false;  // maps over pixels, too
};

/// A usual batch_size: more take more memory, and no less time.
constexpr int kBatchSize = 16;

/// Captions `pictures` in batches, each read and captioned by one of `threads` workers, and hands every batch to `take` in
/// the order of the list. `explain`, where given, says how the best caption of each is explained. A picture that can't be
/// read is handed on as refused. Throws Interrupted, between batches, when the work was asked to stop.
void caption_pictures(Ensemble& ensemble, const std::vector<std::filesystem::path>& pictures,
                      const DecodeOptions& decode, int batch_size, int threads,
                      const std::function<void(std::vector<PictureCaptions>&)>& take,
                      const WantedExplanations* explain = nullptr);

}  // namespace attend
