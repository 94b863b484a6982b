#include "viz/styles.h"

#include <algorithm>
#include <cmath>
#include <opencv2/imgproc.hpp>
#include <utility>

namespace attend {
namespace {

/// Calls pixel(from, map, to) for every pixel of a picture.
template <class Pixel>
cv::Mat each(const cv::Mat& picture, const cv::Mat& light, Pixel pixel) {
  cv::Mat out(picture.size(), CV_8UC3);
  for (int y = 0; y < picture.rows; ++y) {
    const auto* from = picture.ptr<cv::Vec3b>(y);
    const auto* map = light.ptr<float>(y);
    auto* to = out.ptr<cv::Vec3b>(y);
    for (int x = 0; x < picture.cols; ++x) pixel(from[x], map[x], to[x]);
  }
  return out;
}

/// Darkened where the map is 0, whitened where it is 1, the square of the map deciding: where a word half looks, a bright sky
/// stays darker than the dark ground that it looks at.
cv::Mat glow(const cv::Mat& picture, const cv::Mat& light, const OverlayOptions& options) {
  const auto dark = static_cast<float>(1 - options.darken), white_share = static_cast<float>(options.glow);
  return each(picture, light, [&](const cv::Vec3b& from, float map, cv::Vec3b& to) {
    const float lit = map * map, white = white_share * lit, gain = (dark + (1 - dark) * lit) * (1 - white);
    for (int c = 0; c < 3; ++c) to[c] = static_cast<unsigned char>(gain * from[c] + white * 255 + 0.5f);
  });
}

/// As it is from 60 % of the peak up, dark below 20 %, with a soft edge.
cv::Mat spotlight(const cv::Mat& picture, const cv::Mat& light, const OverlayOptions& options) {
  const auto darken = static_cast<float>(options.darken);
  return each(picture, light, [&](const cv::Vec3b& from, float map, cv::Vec3b& to) {
    const float x = std::clamp((map - 0.2f) / 0.4f, 0.f, 1.f), lit = x * x * (3 - 2 * x);
    for (int c = 0; c < 3; ++c) to[c] = static_cast<unsigned char>((1 - darken * (1 - lit)) * from[c] + 0.5f);
  });
}

cv::Mat coloured(const cv::Mat& light) {
  cv::Mat steps, colours;
  light.convertTo(steps, CV_8U, 255);
  cv::applyColorMap(steps, colours, cv::COLORMAP_VIRIDIS);
  return colours;
}

cv::Mat heat(const cv::Mat& picture, const cv::Mat& light, const OverlayOptions& options) {
  cv::Mat out;
  cv::addWeighted(picture, 1 - options.alpha, coloured(light), options.alpha, 0, out);
  return out;
}

/// The colour of the line of a level, and the grey beside it: light beside dark lines, dark beside light ones.
std::pair<cv::Vec3b, double> line_colours(float level) {
  return {coloured(cv::Mat(1, 1, CV_32F, cv::Scalar(level))).at<cv::Vec3b>(0, 0), level < 0.5f ? 235 : 20};
}

/// A pixel's distance to the line where the map crosses a level is the difference over the slope.
cv::Mat contour(const cv::Mat& picture, const cv::Mat& light, const OverlayOptions& options) {
  cv::Mat across, down, slope, out = picture.clone();
  cv::Sobel(light, across, CV_32F, 1, 0, 3, 1 / 8.0);
  cv::Sobel(light, down, CV_32F, 0, 1, 3, 1 / 8.0);
  cv::magnitude(across, down, slope);
  const double thick = std::max(1.0, std::max(picture.cols, picture.rows) / 150.0);
  for (const float level : kContourLevels) {
    const auto [colour, beside] = line_colours(level);
    for (int y = 0; y < out.rows; ++y)
      for (int x = 0; x < out.cols; ++x) {
        const float steep = slope.at<float>(y, x);
        if (steep <= 1e-6f) continue;
        const double distance = std::abs(light.at<float>(y, x) - level) / steep;
        const double line = std::clamp(thick / 2 + 0.5 - distance, 0.0, 1.0);
        const double edge = std::clamp(thick + 0.5 - distance, 0.0, 1.0);
        if (edge <= 0) continue;
        auto& pixel = out.at<cv::Vec3b>(y, x);
        for (int c = 0; c < 3; ++c) {
          const double under = pixel[c] + (beside - pixel[c]) * options.alpha * edge;
          pixel[c] = cv::saturate_cast<unsigned char>(under + (colour[c] - under) * line);
        }
      }
  }
  return out;
}

}  // namespace

void OverlayOptions::list(OptionList& options) {
  options.section("overlay", "Overlays", "overlay_");
  options.add("style", style,
              "glow: the paper's white light; heat: colours, with a colour bar; contour: lines of equal weight; "
              "spotlight: dark where a word doesn't look",
              one_of({"glow", "heat", "contour", "spotlight"}));
  options.add(
      "scale", scale,
      "what shows in full: word: the peak of each word's map; page: the largest of all its words' peaks, so that words "
      "can be compared",
      one_of({"word", "page"}));
  options.add("tile", tile, "longer side of a tile on a page, pixels; panoramas' are up to three times as long",
              between(64, 2048));
  options.add("columns", columns, "tiles in a row of a page", between(1, 50));
  options.add("darken", darken, "light taken from where a word doesn't look; of glow and spotlight", between(0, 1));
  options.add("glow", glow, "white laid over where a word looks most; of glow", between(0, 1));
  options.add("alpha", alpha, "opacity of the colours of heat, and of the edges of contour's lines", between(0, 1));
  options.add("smoothing", smoothing, "smoothing of the attention, standard deviation in grid cells; 0 shows the cells",
              between(0, 10));
  options.add("font_scale", font_scale, "size of words and captions, of the usual one", between(0.25, 4));
}

cv::Mat light_of(const cv::Mat& attention, const Geometry& geometry, cv::Size target, double smoothing, double full,
                 double* peak) {
  cv::Mat light = geometry.to_picture(attention, target, smoothing);
  double most = 0;
  cv::minMaxLoc(light, nullptr, &most);
  if (peak) *peak = most;
  if (!(full > 0)) full = most;
  if (full > 0) light = cv::min(light * (1 / full), 1);
  return light;
}

cv::Mat lay_over(const cv::Mat& picture, const cv::Mat& light, const OverlayOptions& options) {
  if (options.style == "heat") return heat(picture, light, options);
  if (options.style == "contour") return contour(picture, light, options);
  if (options.style == "spotlight") return spotlight(picture, light, options);
  return glow(picture, light, options);
}

cv::Mat contour_sample(cv::Size size, float level, double alpha) {
  const auto [colour, beside] = line_colours(level);
  cv::Mat sample(size, CV_8UC3, cv::Scalar::all(246));
  const int thick = std::max(size.height / 5, 2), edge = std::max(thick / 2, 1), y = (size.height - thick) / 2;
  const double grey = 246 + (beside - 246) * alpha;
  sample.rowRange(std::max(y - edge, 0), std::min(y + thick + edge, size.height)).setTo(cv::Scalar::all(grey));
  sample.rowRange(std::max(y, 0), std::min(y + thick, size.height)).setTo(colour);
  return sample;
}

cv::Mat colour_bar(cv::Size size) {
  cv::Mat steps(size, CV_32F);
  for (int x = 0; x < size.width; ++x) steps.col(x).setTo((x + 0.5) / size.width);
  return coloured(steps);
}

}  // namespace attend
