#include "viz/curves.h"

#include <opencv2/imgproc.hpp>

#include "viz/chart_axes.h"
#include "viz/typeface.h"

namespace attend {
namespace {

const cv::Scalar paper(246, 246, 246), card(255, 255, 255), ink(38, 32, 28), soft(110, 105, 100), rule(226, 222, 220);
constexpr int kWidth = 680, kHeight = 360, kGap = 20, kFont = 15;

cv::Scalar colour_of(size_t run) {
  const auto& rgb = kRunColours[run % kRunColours.size()];
  return cv::Scalar(rgb[2], rgb[1], rgb[0]);
}

void draw_chart(cv::Mat area, const Chart& chart) {
  area.setTo(card);
  const Axes axes(chart, 70, 48, area.cols - 90, area.rows - 92);
  draw_text(area, {20, 28}, chart.title, kFont + 2, ink);
  const auto at = [](double value) { return static_cast<int>(std::lround(value)); };
  for (const double tick : axes.y_ticks) {
    const int y = at(axes.py(tick));
    cv::line(area, {at(axes.left), y}, {at(axes.left + axes.width), y}, rule);
    const std::string text = short_number(tick);
    draw_text(area, {at(axes.left) - 8 - text_width(text, kFont - 2), y + 5}, text, kFont - 2, soft);
  }
  for (const double tick : axes.x_ticks) {
    const std::string text = short_number(tick);
    draw_text(area, {at(axes.px(tick)) - text_width(text, kFont - 2) / 2, area.rows - 24}, text, kFont - 2, soft);
  }
  draw_text(area, {area.cols - 20 - text_width(chart.x_title, kFont - 2), area.rows - 8}, chart.x_title, kFont - 2,
            soft);
  constexpr int kShift = 4;  // cv::polylines takes sixteenths of a pixel
  for (const auto& whole : chart.curves) {
    const Curve curve = thinned(whole, kCurvePoints);
    std::vector<cv::Point> points;
    for (size_t i = 0; i < curve.x.size(); ++i)
      points.emplace_back(at(axes.px(curve.x[i]) * (1 << kShift)), at(axes.py(curve.y[i]) * (1 << kShift)));
    cv::polylines(area, points, false, colour_of(curve.run), 2, cv::LINE_AA, kShift);
    if (curve.best) {
      const cv::Point dot(at(axes.px(curve.best->x)), at(axes.py(curve.best->y)));
      cv::circle(area, dot, 6, card, cv::FILLED, cv::LINE_AA);
      cv::circle(area, dot, 5, colour_of(curve.run), cv::FILLED, cv::LINE_AA);
      if (chart.curves.size() == 1) {
        const int wide = text_width(curve.best->label, kFont - 2);
        const auto [x, y] = label_place(axes, *curve.best, wide);
        draw_text(area, {at(x), at(y)}, curve.best->label, kFont - 2, ink);
      }
    }
    if (points.size() == 1)
      cv::circle(area, points[0], 4 << kShift, colour_of(curve.run), cv::FILLED, cv::LINE_AA, kShift);
  }
}

}  // namespace

std::vector<double> ticks(double least, double most) {
  if (!(most > least)) return {least};
  const double raw = (most - least) / 5, power = std::pow(10, std::floor(std::log10(raw)));
  const double step = power * (raw / power < 1.5 ? 1 : raw / power < 3.5 ? 2 : raw / power < 7.5 ? 5 : 10);
  std::vector<double> values;
  for (double i = std::ceil(least / step - 1e-9); i * step <= most + 1e-9 * step; ++i) values.push_back(i * step);
  return values;
}

Curve thinned(const Curve& curve, size_t count) {
  if (curve.x.size() <= count) return curve;
  Curve thin{curve.run, {}, {}, curve.best};
  const size_t stretches = count / 2;
  for (size_t i = 0; i < stretches; ++i) {
    const auto begin = curve.y.begin() + static_cast<ptrdiff_t>(i * curve.x.size() / stretches);
    const auto end = curve.y.begin() + static_cast<ptrdiff_t>((i + 1) * curve.x.size() / stretches);
    const auto [least, most] = std::minmax_element(begin, end);
    for (const auto place : {std::min(least, most), std::max(least, most)}) {
      thin.x.push_back(curve.x[static_cast<size_t>(place - curve.y.begin())]);
      thin.y.push_back(*place);
    }
  }
  return thin;
}

cv::Mat draw_curves(const Curves& curves) {
  const int columns = curves.charts.size() > 1 ? 2 : 1;
  const int rows = (static_cast<int>(curves.charts.size()) + columns - 1) / columns;
  const int head = kGap + 26 * static_cast<int>(curves.runs.size());
  cv::Mat page(head + rows * (kHeight + kGap), columns * (kWidth + kGap) + kGap, CV_8UC3, paper);
  for (size_t run = 0; run < curves.runs.size(); ++run) {
    const int y = kGap + 26 * static_cast<int>(run);
    cv::line(page, {kGap, y + 4}, {kGap + 28, y + 4}, colour_of(run), 3, cv::LINE_AA);
    draw_text(page, {kGap + 40, y + 10}, curves.runs[run].name, kFont + 1, ink);
  }
  for (int i = 0; i < static_cast<int>(curves.charts.size()); ++i)
    draw_chart(
        page(cv::Rect(kGap + i % columns * (kWidth + kGap), head + i / columns * (kHeight + kGap), kWidth, kHeight)),
        curves.charts[static_cast<size_t>(i)]);
  return page;
}

}  // namespace attend
