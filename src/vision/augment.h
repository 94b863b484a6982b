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
  double degrade = 0;     // share of pictures that are made small, grainy or coarsely compressed, each at random

  void list(OptionList& options);
};

/// A changed copy of a u8 picture of three channels, RGB or BGR, of the same size (unless degraded). What changes depends on the
/// generator's state alone; grey is the mean of the three channels. `mirrored` is told whether left became right. What is
/// degraded has a longest side of 160 to 400 pixels, half of it Gaussian noise of a standard deviation up to 8, and half of it
/// was a JPEG or WebP of quality 30 to 90: pictures of two sources that were stored in two ways could be told apart by that, and
/// captions would be of the one or the other source, whatever is to be seen.
cv::Mat augment(const cv::Mat& picture, const AugmentOptions& options, std::mt19937_64& generator,
                bool* mirrored = nullptr);

}  // namespace attend
