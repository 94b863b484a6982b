// Text on pictures: the font that is compiled into the program (data/fonts), drawn with smooth edges.
#pragma once

#include <opencv2/core.hpp>
#include <string_view>

namespace attend {

/// The pixels `text` (UTF-8) takes from left to right at a font size of `size` pixels.
int text_width(std::string_view text, int size);

/// Height of a capital letter at a font size of `size` pixels.
int capital_height(int size);

/// Draws `text` (UTF-8) on a u8 BGR picture, its baseline beginning at `start`; what falls outside is cut off. A
/// letter the font lacks (it has Latin, Greek and Cyrillic) is drawn as a box, bytes that aren't UTF-8 as U+FFFD.
void draw_text(cv::Mat& picture, cv::Point start, std::string_view text, int size, const cv::Scalar& colour);

}  // namespace attend
