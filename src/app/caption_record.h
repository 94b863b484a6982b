// A caption as JSON, for `--format jsonl` and for maps of attention.
#pragma once

#include <array>
#include <filesystem>
#include <opencv2/core.hpp>
#include <string>
#include <vector>

#include "app/caption_pictures.h"
#include "base/files.h"

namespace attend {

/// weights [T, L] → one map a word, f32, rows x cols of the grid.
std::vector<cv::Mat> maps_of(const torch::Tensor& weights, std::array<int64_t, 2> grid);

/// Where each word looked, one map a word.
inline std::vector<cv::Mat> attention_maps(const Caption& caption, std::array<int64_t, 2> grid) {
  return maps_of(caption.alpha, grid);
}

/// What each word depends on by the grid's annotations, and by the pixels on a grid fine enough to look at: one map a
/// word, f32, each sums to 1 (a map of zeros stays one).
std::vector<cv::Mat> gradient_maps(const Explanation& explanation, std::array<int64_t, 2> grid);
std::vector<cv::Mat> pixel_maps(const Explanation& explanation);

/// The cell that hard attention looked at for each word, as one map a word: 1 there, 0 elsewhere.
std::vector<cv::Mat> location_maps(const Caption& caption, std::array<int64_t, 2> grid);

/// {"file", "caption", "confidence", "familiar", "log_probability", "plain_log_probability", "grid": [rows, cols], "size": [width, height] of the upright picture,
/// "area": [x, y, width, height] of it that the grid lies over, "words": [{"word", "log_probability",
/// "plain_log_probability", "attention": [rows · cols], and, where hard attention looked at a cell, "location": [row,
/// column]}]}, and "alternatives" (each "caption", "log_probability", "plain_log_probability", "words") where there is more
/// than one caption. "confidence": probability that the caption is among the better half, "familiar": whether the picture is
/// like those of training (docs/confidence.md); null where the model doesn't know. "log_probability": as the search weighs
/// words, divided by their frequency to the frequency exponent and at the temperature, and not yet by the length;
/// "plain_log_probability": as the model itself has it. <end> counts in both sums. Where the best caption is explained, its
/// words also have "gradient" [rows · cols], which sums to 1, and "rank_correlation" (null where one of the maps is even),
/// and "rank_correlation" beside "words" is their mean. A file name that isn't UTF-8 has U+FFFD for its stray bytes, and
/// "file_base64" holds it byte for byte.
Json caption_record(const std::filesystem::path& file, const PictureCaptions& picture, const Captioner& captioner);

/// JSON on one line, valid UTF-8 whatever is in it.
std::string one_line(const Json& json);

}  // namespace attend
