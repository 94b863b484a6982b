#include "viz/map_check.h"

#include <algorithm>
#include <cmath>

namespace attend {
namespace {

/// Entropy over log L, 0 to 1; 1 for a map of zeros or of one cell.
double entropy_share(const cv::Mat& map) {
  const double sum = cv::sum(map)[0];
  if (!(sum > 0) || map.total() < 2) return 1;
  double entropy = 0;
  for (auto cell = map.begin<float>(); cell != map.end<float>(); ++cell)
    if (*cell > 0) entropy -= *cell / sum * std::log(*cell / sum);
  return entropy / std::log(static_cast<double>(map.total()));
}

cv::Mat normalised(const cv::Mat& map) {
  const double sum = cv::sum(map)[0];
  return sum > 0 ? cv::Mat(map / sum) : map;
}

}  // namespace

MapFaults check_maps(const std::vector<cv::Mat>& maps) {
  MapFaults faults;
  if (maps.empty()) return faults;
  const auto even =
      std::count_if(maps.begin(), maps.end(), [](const cv::Mat& map) { return entropy_share(map) >= kEvenEntropy; });
  faults.even = 2 * static_cast<size_t>(even) >= maps.size();
  if (maps.size() < 2) return faults;
  cv::Mat mean = cv::Mat::zeros(maps[0].size(), CV_32F);
  for (const auto& map : maps) mean += normalised(map) / static_cast<double>(maps.size());
  double distance = 0;
  for (const auto& map : maps) distance += cv::norm(normalised(map), mean, cv::NORM_L1) / 2;
  faults.alike = distance / static_cast<double>(maps.size()) <= kAlikeDistance;
  return faults;
}

void MapFaultCount::add(const MapFaults& faults) {
  ++captions_;
  even_ += faults.even;
  alike_ += faults.alike;
}

std::vector<std::string> MapFaultCount::remarks() const {
  const std::string all = " of " + std::to_string(captions_) + (captions_ == 1 ? " caption" : " captions");
  std::vector<std::string> lines;
  if (even_ > 0)
    lines.push_back(std::to_string(even_) + all +
                    ": the attention is near-uniform; its maps don't tell where the model looked");
  if (alike_ > 0)
    lines.push_back(std::to_string(alike_) + all +
                    ": every word has the same map; the maps don't tell the words apart");
  return lines;
}

}  // namespace attend
