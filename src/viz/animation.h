// The attention moving through the sentence, as an animation to post.
#pragma once

#include <filesystem>
#include <opencv2/core.hpp>
#include <vector>

#include "base/options.h"
#include "viz/overlay.h"

namespace attend {

struct AnimationOptions {
  int size = 480;       // longer side of the picture, pixels
  int word_time = 700;  // milliseconds a word stays
  int fade_time = 240;  // milliseconds from one word to the next

  void list(OptionList& options);
};

struct Frame {
  cv::Mat picture;  // u8 BGR, all of one size
  int milliseconds;
};

/// The picture alone, then word by word where each looked, the sentence below with that word marked, then the picture
/// again.
std::vector<Frame> animate(const cv::Mat& picture, const Geometry& geometry, const std::vector<WordMap>& words,
                           const OverlayOptions& style, const AnimationOptions& options);

/// Writes frames as an endless animation, WebP or GIF as the extension says, atomically. Throws UsageError on another
/// extension, Error when it can't be encoded or written.
void write_animation(const std::filesystem::path& path, const std::vector<Frame>& frames);

}  // namespace attend
