// Geometry: where the network's input and its grid lie in the picture. One formula brings a picture to the network and
// brings a map over the grid back onto the picture.
//
// Coordinates are continuous: pixel (x, y) covers [x, x + 1) x [y, y + 1) and its centre is (x + 0.5, y + 0.5).
#pragma once

#include <opencv2/core.hpp>
#include <string>

namespace attend {

/// How a picture becomes a square.
enum class Resize {
  squash,  // the whole picture, its aspect ratio lost
  crop,    // the largest square in its middle
  pad,     // the whole picture in the middle of a square, grey around it
};

/// "squash", "crop" or "pad"; anything else throws UsageError.
Resize parse_resize(const std::string& name);

class Geometry {
 public:
  /// full: upright size of the picture. input_size: side S of the network's square input.
  Geometry(cv::Size full, int input_size, Resize resize);

  /// The network's input: u8 RGB, S x S. `picture` is the upright picture, u8 BGR, in any resolution. Shrinking
  /// averages the area each pixel covers, growing interpolates linearly.
  cv::Mat to_input(const cv::Mat& picture) const;

  /// The rectangle that the input shows, in pixels of the full picture; with Resize::pad it reaches beyond the picture.
  cv::Rect2d input_area() const { return area_; }

  /// The rectangle of one cell of a rows x cols grid laid over the input, in pixels of the full picture.
  cv::Rect2d cell(int row, int col, int rows, int cols) const;

  /// A map over the grid (f32, rows x cols) laid over the whole upright picture drawn at size `target`, f32; 0 where
  /// the network saw nothing. Each cell fills its rectangle; smoothing > 0 convolves that with a Gaussian whose
  /// standard deviation is `smoothing` cells, mirrored at the borders of the input: a constant map stays constant.
  cv::Mat to_picture(const cv::Mat& map, cv::Size target, double smoothing = 0) const;

  cv::Size full() const { return full_; }
  int input_size() const { return input_size_; }

 private:
  cv::Size full_;
  int input_size_;
  cv::Rect2d area_;
};

}  // namespace attend
