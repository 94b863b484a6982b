#include "pipeline/seen_picture.h"

#include <algorithm>
#include <opencv2/imgproc.hpp>

namespace attend {
namespace {

/// Side of maps over pixels as they are shown: one pixel's gradient is noise.
constexpr int kPixelMapSide = 48;

/// Every map scaled to sum to 1.
std::vector<cv::Mat> normalised(std::vector<cv::Mat> maps) {
  for (auto& map : maps)
    if (const double sum = cv::sum(map)[0]; sum > 0) map *= 1 / sum;
  return maps;
}

}  // namespace

std::vector<cv::Mat> maps_of(const MapStack& stack) {
  std::vector<cv::Mat> maps;
  for (size_t t = 0; t < stack.size(); ++t) {
    cv::Mat& map = maps.emplace_back(stack.grid.rows, stack.grid.columns, CV_32F);
    const auto weights = stack.map(t);
    std::copy(weights.begin(), weights.end(), map.ptr<float>());
  }
  return maps;
}

cv::Mat mean_map(const std::vector<cv::Mat>& maps, const std::vector<size_t>& which) {
  cv::Mat mean = maps[which.front()].clone();
  for (size_t i = 1; i < which.size(); ++i) mean += maps[which[i]];
  return mean / static_cast<double>(which.size());
}

std::vector<cv::Mat> location_maps(const SeenCaption& caption) {
  const auto [rows, columns] = caption.attention.grid;
  std::vector<cv::Mat> maps;
  for (const int64_t location : caption.locations) {
    const auto cell = static_cast<int>(location);
    maps.push_back(cv::Mat::zeros(rows, columns, CV_32F));
    maps.back().at<float>(cell / columns, cell % columns) = 1;
  }
  return maps;
}

std::vector<cv::Mat> gradient_maps(const SeenCaption& caption) { return normalised(maps_of(caption.gradient)); }

std::vector<cv::Mat> pixel_maps(const SeenCaption& caption) {
  auto maps = maps_of(caption.pixels);
  for (auto& map : maps)
    if (map.cols > kPixelMapSide) cv::resize(map, map, {kPixelMapSide, kPixelMapSide}, 0, 0, cv::INTER_AREA);
  return normalised(std::move(maps));
}

}  // namespace attend
