// Text on pictures: the font that is compiled into the program (data/fonts), or one from a file before it, drawn with
// smooth edges, letter after letter from left to right: scripts whose letters join or run the other way aren't shaped.
#pragma once

#include <filesystem>
#include <opencv2/core.hpp>
#include <string>
#include <string_view>

namespace attend {

/// The pixels `text` (UTF-8) takes from left to right at a font size of `size` pixels.
int text_width(std::string_view text, int size);

/// Height of a capital letter at a font size of `size` pixels.
int capital_height(int size);

/// Draws `text` (UTF-8) on a u8 BGR picture, its baseline beginning at `start`; what falls outside is cut off. A
/// letter that no font has (the program's own has Latin, Greek and Cyrillic) is drawn as a box, bytes that aren't UTF-8 as
/// U+FFFD; text_faults() tells.
void draw_text(cv::Mat& picture, cv::Point start, std::string_view text, int size, const cv::Scalar& colour);

/// From here on letters come from the font in `file` (TrueType, OpenType, or what else FreeType reads), and those that it
/// lacks from the program's own. To be called before other threads draw. Throws InputError that names the file.
void use_font(const std::filesystem::path& file);

/// What has been drawn wrongly so far, in one line for the user, or "": letters that no font has, scripts that aren't shaped.
std::string text_faults();

}  // namespace attend
