#include "vision/picture_hash.h"

#include <algorithm>
#include <bit>
#include <map>
#include <numeric>
#include <opencv2/imgproc.hpp>

namespace attend {
namespace {

constexpr int kBands = kMostBitsApart + 1;

uint16_t band_of(uint64_t hash, int band) {
  const int begin = 64 * band / kBands, end = 64 * (band + 1) / kBands;
  return static_cast<uint16_t>(hash >> begin & ((uint64_t{1} << (end - begin)) - 1));
}

}  // namespace

uint64_t perceptual_hash(const cv::Mat& picture) {
  cv::Mat grey, small, frequencies;
  cv::cvtColor(picture, grey, cv::COLOR_RGB2GRAY);
  cv::resize(grey, small, {32, 32}, 0, 0, cv::INTER_AREA);
  small.convertTo(small, CV_32F);
  cv::dct(small, frequencies);
  std::vector<float> low;
  for (int row = 1; row <= 8; ++row)
    for (int column = 1; column <= 8; ++column) low.push_back(frequencies.at<float>(row, column));
  auto sorted = low;
  std::nth_element(sorted.begin(), sorted.begin() + 32, sorted.end());
  uint64_t hash = 0;
  for (size_t i = 0; i < low.size(); ++i) hash |= static_cast<uint64_t>(low[i] > sorted[32]) << i;
  return hash;
}

HashIndex::HashIndex(std::span<const uint64_t> hashes) : hashes_(hashes), bands_(kBands) {
  for (int band = 0; band < kBands; ++band) {
    auto& sorted = bands_[static_cast<size_t>(band)];
    sorted.reserve(hashes.size());
    for (size_t i = 0; i < hashes.size(); ++i) sorted.emplace_back(band_of(hashes[i], band), static_cast<uint32_t>(i));
    std::sort(sorted.begin(), sorted.end());
  }
}

std::vector<size_t> HashIndex::near(uint64_t hash) const {
  std::vector<size_t> found;
  for (int band = 0; band < kBands; ++band) {
    const auto& sorted = bands_[static_cast<size_t>(band)];
    const uint16_t value = band_of(hash, band);
    for (auto at = std::lower_bound(sorted.begin(), sorted.end(), std::pair(value, uint32_t{0}));
         at != sorted.end() && at->first == value; ++at)
      if (std::popcount(hash ^ hashes_[at->second]) <= kMostBitsApart) found.push_back(at->second);
  }
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

std::vector<std::vector<size_t>> HashIndex::groups() const {
  std::vector<size_t> first(hashes_.size());  // of a hash's group, or one nearer to it
  std::iota(first.begin(), first.end(), size_t{0});
  const auto first_of = [&](size_t i) {
    while (first[i] != i) i = first[i] = first[first[i]];
    return i;
  };
  for (size_t i = 0; i < hashes_.size(); ++i)
    for (const size_t other : near(hashes_[i])) {
      const size_t a = first_of(i), b = first_of(other);
      first[std::max(a, b)] = std::min(a, b);
    }
  std::map<size_t, std::vector<size_t>> members;
  for (size_t i = 0; i < hashes_.size(); ++i) members[first_of(i)].push_back(i);
  std::vector<std::vector<size_t>> groups;
  for (auto& [head, group] : members)
    if (group.size() > 1) groups.push_back(std::move(group));
  return groups;
}

}  // namespace attend
