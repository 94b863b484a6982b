// What a model sees in a picture: the one value that overlays, records, pages, arrays and the C interface are made from.
//
// T words · h x w grid of annotations · S input side
#pragma once

#include <cstddef>
#include <opencv2/core.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "vision/geometry.h"

namespace attend {

/// Cells that lie over a picture's input area.
struct Grid {
  int rows = 0, columns = 0;

  size_t cells() const { return static_cast<size_t>(rows) * static_cast<size_t>(columns); }
  bool operator==(const Grid&) const = default;
};

/// A map a word, all over one grid.
struct MapStack {
  Grid grid;
  std::vector<float> weights;  // [T, rows, columns], row by row

  size_t size() const { return grid.cells() == 0 ? 0 : weights.size() / grid.cells(); }  // T
  std::span<const float> map(size_t word) const { return {weights.data() + word * grid.cells(), grid.cells()}; }
};

/// Words of a caption that stand side by side and are asked for together.
struct SeenPhrase {
  std::string text;           // as it was asked for
  std::vector<size_t> words;  // places among the caption's words, rising; none where the model knows none of them
};

/// A caption, with where each of its words looked. Logarithms are natural.
struct SeenCaption {
  std::string text;                          // detokenized, UTF-8
  std::vector<std::string> words;            // [T], as the vocabulary has them
  std::vector<double> word_log_probability;  // of each word, and of <end> after the last, as the search weighed them
  std::vector<double> plain_word_log_probability;  // the same as the model itself has them
  double log_probability = 0;                      // of the whole caption, <end> included, as the search weighed it
  double plain_log_probability = 0;                // the same as the model itself has it
  MapStack attention;                              // [T, h, w], each map sums to 1
  std::vector<int64_t> locations;                  // [T], the cell hard attention looked at; -1: the expected context
  std::optional<double> confidence;                // probability that it is among the better half: decode/confidence.h
  std::vector<double> evidence;                    // what confidence is made of
  std::vector<std::string> left_out;               // words of a given text that the model doesn't know; not in `words`
  std::vector<SeenPhrase> phrases;                 // those that were asked for, in the caption's order
  // Where it was explained (decode/explain.h); empty where not. Not negative, nats a unit of input.
  MapStack gradient;                     // [T, h, w], what each word depends on, by the annotations
  MapStack pixels;                       // [T, S, S], by the pixels
  std::vector<double> rank_correlation;  // [T] of gradient and attention, NaN where one of them is even

  bool explained() const { return gradient.grid.cells() > 0; }
};

/// What became of one picture.
struct SeenPicture {
  size_t index = 0;                   // into the list of pictures
  std::string name;                   // of its PictureSource
  std::optional<double> time;         // of a video's frame, seconds
  cv::Size size;                      // of the upright picture; empty where it can't be read
  int input_size = 0;                 // S
  Resize resize = Resize::squash;     // how it became the input
  std::vector<SeenCaption> captions;  // best first; none when the picture was refused
  std::optional<bool> familiar;       // whether it is like those the model learnt from, where the model knows
  double distance = 0;                // from those; 0: unknown
  std::string refusal;                // why there are no captions: one line that names the picture

  bool refused() const { return !refusal.empty(); }
  /// Whether it could be read, and no caption was refused for that.
  bool was_read() const { return !size.empty(); }
  const SeenCaption& best() const { return captions.front(); }
  Geometry geometry() const { return {size, input_size, resize}; }
  /// The rectangle that the grid lies over, in pixels of the picture; with Resize::pad it reaches beyond it.
  cv::Rect2d area() const { return geometry().input_area(); }
};

/// One f32 picture a map, rows x columns of the grid.
std::vector<cv::Mat> maps_of(const MapStack& stack);

/// The mean of some of these maps, at least one: f32 of their size.
cv::Mat mean_map(const std::vector<cv::Mat>& maps, const std::vector<size_t>& which);

/// The cell that hard attention looked at for each word, as one map a word: 1 there, 0 elsewhere.
std::vector<cv::Mat> location_maps(const SeenCaption& caption);

/// What each word depends on by the grid's annotations, and by the pixels on a grid fine enough to look at: one map a
/// word, f32, each sums to 1 (a map of zeros stays one).
std::vector<cv::Mat> gradient_maps(const SeenCaption& caption);
std::vector<cv::Mat> pixel_maps(const SeenCaption& caption);

}  // namespace attend
