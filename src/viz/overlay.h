// Overlays: where the captioner looked while it wrote each word (Show, Attend and Tell, figures 2 to 5).
#pragma once

#include <filesystem>
#include <opencv2/core.hpp>
#include <optional>
#include <string>
#include <vector>

#include "vision/geometry.h"
#include "viz/styles.h"

namespace attend {

/// A word and the attention it was written with.
struct WordMap {
  std::string word;                              // UTF-8
  cv::Mat attention;                             // f32, rows x cols of the grid, not negative; sums to 1
  std::optional<cv::Point> cell = std::nullopt;  // column and row of the one cell hard attention looked at: outlined
};

/// The weight of a cell that glows fully: the largest peak of the words where options.scale is "page"; else 0, which means each
/// word's own.
double full_weight(const std::vector<WordMap>& words, const Geometry& geometry, const OverlayOptions& options);

/// One word's attention over a picture (upright, u8 BGR, any resolution), at that resolution (a picture too small to see
/// something in is drawn at the size of a tile), the word above it, and beside the word what colours stand for, if the style
/// has some. The attention is smoothed and scaled so that the weight `full`, where it is 0 the map's own peak, glows fully: a
/// word that looks everywhere is bright everywhere. Where the network saw nothing (cropped away) the map is 0.
cv::Mat draw_word(const cv::Mat& picture, const Geometry& geometry, const WordMap& word, const OverlayOptions& options,
                  double full = 0);

/// Other maps of a caption's words, to be compared with those of attention.
struct MapRow {
  std::string title;          // stands beneath the picture
  std::vector<WordMap> maps;  // one a word, on any grid; its `word` is what stands above the tile
};

/// The paper's figure: the picture, then a tile a word, row by row, each under its word, and the caption above; what colours
/// stand for, if the style has some, below. Tiles of `beneath` stand under those of their words.
cv::Mat draw_page(const cv::Mat& picture, const Geometry& geometry, const std::vector<WordMap>& words,
                  const std::string& caption, const OverlayOptions& options, const std::vector<MapRow>& beneath = {});

/// Writes a u8 BGR picture as the extension says (.png, .jpg, .jpeg, .webp), atomically, with attend's mark. Throws
/// UsageError on another extension, Error when it can't be encoded or written.
void write_picture(const std::filesystem::path& path, const cv::Mat& picture);

}  // namespace attend
