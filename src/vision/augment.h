// Augmentation: a picture made a little different each time it is trained on.
#pragma once

#include <opencv2/core.hpp>
#include <random>

#include "base/options.h"

namespace attend {

/// What changes, and how much at most; all 0 and off leaves pictures as they are.
struct AugmentOptions {
  double crop = 0;        // largest share of a side that is cut away
  bool flip = false;      // mirror every other picture
  double brightness = 0;  // colours times 1 ± this
  double contrast = 0;    // distance from the picture's mean grey times 1 ± this
  double saturation = 0;  // distance from each pixel's own grey times 1 ± this

  void list(OptionList& options);
};

/// A changed copy of a u8 picture of three channels, RGB or BGR, of the same size. What changes depends on the
/// generator's state alone; grey is the mean of the three channels. `mirrored` is told whether left became right.
cv::Mat augment(const cv::Mat& picture, const AugmentOptions& options, std::mt19937_64& generator,
                bool* mirrored = nullptr);

}  // namespace attend
