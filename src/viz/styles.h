// How a map of attention is laid over a picture.
#pragma once

#include <opencv2/core.hpp>
#include <string>

#include "base/options.h"
#include "vision/geometry.h"

namespace attend {

struct OverlayOptions {
  /// glow: the paper's white light on a darkened picture; heat: colours of a perceptually even, colour-blind safe scale
  /// (viridis); contour: lines at a quarter, a half, three quarters and nine tenths of the peak; spotlight: the picture
  /// as it is where a word looks, dark elsewhere.
  std::string style = "glow";
  std::string scale = "word";  // what shows in full: each word's own peak, or the largest of a page's
  int tile = 256;              // longer side of a tile on a page, pixels; of panoramas up to three times as long
  int columns = 5;             // tiles in a row of a page
  double darken = 0.65;        // light taken from where the word doesn't look (glow, spotlight)
  double glow = 0.4;           // white laid over where it looks most (glow)
  double alpha = 0.6;          // opacity of the colours (heat, contour)
  double smoothing = 0.8;      // standard deviation of the smoothing, cells; 0 shows the bare cells
  double font_scale = 1;       // words and captions, of their usual size

  void list(OptionList& options);
  /// Whether colours stand for weights, so that a colour bar is due.
  bool has_scale() const { return style == "heat" || style == "contour"; }
};

/// The shares of the peak (of the weight that shows in full) that contours run at.
constexpr float kContourLevels[] = {0.25f, 0.5f, 0.75f, 0.9f};

/// A word's attention (f32, rows x cols) over the whole picture at size `target`, 1 where it has the weight `full` or more; full
/// 0: at its peak. `peak`, where given, becomes the weight a cell has at the peak.
cv::Mat light_of(const cv::Mat& attention, const Geometry& geometry, cv::Size target, double smoothing, double full = 0,
                 double* peak = nullptr);

/// `picture` (u8 BGR) with a map (f32, same size, 0 to 1) laid over it in the style that `options` name.
cv::Mat lay_over(const cv::Mat& picture, const cv::Mat& light, const OverlayOptions& options);

/// A piece of the contour of a level, on paper, for a legend: u8 BGR.
cv::Mat contour_sample(cv::Size size, float level, double alpha);

/// The colours of heat maps and contours from 0, left, to the peak, right: u8 BGR.
cv::Mat colour_bar(cv::Size size);

}  // namespace attend
