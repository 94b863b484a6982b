// Where a chart's values stand on its plot, for curves.cc (pictures) and curves_page.cc (pages).
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <string>
#include <utility>

#include "viz/curves.h"

namespace attend {

/// Points drawn a curve, at most: more than a chart is wide.
constexpr size_t kCurvePoints = 1200;

/// Okabe and Ito's colours, which all eyes tell apart, without black and yellow, which a page may swallow: RGB.
constexpr std::array<std::array<int, 3>, 6> kRunColours{
    {{0, 114, 178}, {213, 94, 0}, {0, 158, 115}, {204, 121, 167}, {230, 159, 0}, {86, 180, 233}}};

/// The ranges of a chart and its place: x to the right, y down, in pixels.
struct Axes {
  double left, top, width, height;
  double x0 = 0, x1 = 1, y0 = 0, y1 = 1;
  std::vector<double> x_ticks, y_ticks;

  Axes(const Chart& chart, double plot_left, double plot_top, double plot_width, double plot_height)
      : left(plot_left), top(plot_top), width(plot_width), height(plot_height) {
    bool first = true;
    for (const auto& curve : chart.curves)
      for (size_t i = 0; i < curve.x.size(); ++i) {
        x1 = first ? curve.x[i] : std::max(x1, curve.x[i]);
        y0 = first ? curve.y[i] : std::min(y0, curve.y[i]);
        y1 = first ? curve.y[i] : std::max(y1, curve.y[i]);
        first = false;
      }
    if (x1 <= x0) x1 = x0 + 1;
    const double air = y1 > y0 ? 0.04 * (y1 - y0) : std::abs(y1) > 1e-12 ? 0.1 * std::abs(y1) : 1;
    y0 -= air, y1 += air;
    x_ticks = ticks(x0, x1), y_ticks = ticks(y0, y1);
  }
  double px(double x) const { return left + (x - x0) / (x1 - x0) * width; }
  double py(double y) const { return top + (y1 - y) / (y1 - y0) * height; }
};

/// Where the label of a marked point begins, its baseline: to the point's left or right, wherever there is room, and below a
/// point in the upper half of the plot, above one in the lower.
inline std::pair<double, double> label_place(const Axes& axes, const Mark& mark, double width) {
  const double x = axes.px(mark.x), y = axes.py(mark.y);
  const bool left = x + 10 + width > axes.left + axes.width;
  return {std::max(axes.left, left ? x - 10 - width : x + 10), y < axes.top + axes.height / 2 ? y + 24 : y - 14};
}

/// A number as charts and tables show it: four digits at most, thousands as k.
inline std::string short_number(double value) {
  char text[32];
  if (std::abs(value) >= 10000)
    std::snprintf(text, sizeof text, "%.4gk", value / 1000);
  else
    std::snprintf(text, sizeof text, "%.4g", std::abs(value) < 1e-12 ? 0 : value);
  return text;
}

}  // namespace attend
