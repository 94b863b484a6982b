// Pictures as files: what pages, overlays and made-up data sets are written with.
#pragma once

#include <opencv2/core.hpp>
#include <vector>

namespace attend {

/// Pictures (CV_8UC3, BGR) as the bytes of a file. Throw Error where the format can't hold one so large: JPEG ends at
/// 65,500 pixels on a side, WebP at 16,383.
std::vector<unsigned char> encode_png(const cv::Mat& picture);
/// quality: 1 to 100. small: takes longer, for a file some percent smaller with the same pixels.
std::vector<unsigned char> encode_jpeg(const cv::Mat& picture, int quality, bool small = false);
std::vector<unsigned char> encode_webp(const cv::Mat& picture, int quality);

}  // namespace attend
