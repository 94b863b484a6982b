// Any number of picture files to captions, in order, in memory that doesn't grow with their number.
#pragma once

#include <filesystem>
#include <functional>
#include <opencv2/core.hpp>
#include <string>
#include <vector>

#include "decode/ensemble.h"

namespace attend {

/// What became of one picture.
struct PictureCaptions {
  size_t index;                   // into the list of pictures
  std::vector<Caption> captions;  // best first; none when the picture was refused
  cv::Size size;                  // of the upright picture
  std::string refusal;            // why there are no captions: one line that names the file
};

/// Captions `pictures` in batches, while the next ones are read on `threads` other threads, and hands every batch to
/// `take` in the order of the list. A picture that can't be read is handed on as refused. Throws Interrupted, between
/// batches, when the work was asked to stop.
void caption_pictures(Ensemble& ensemble, const std::vector<std::filesystem::path>& pictures,
                      const DecodeOptions& decode, int batch_size, int threads,
                      const std::function<void(std::vector<PictureCaptions>&)>& take);

}  // namespace attend
