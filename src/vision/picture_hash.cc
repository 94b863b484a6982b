#include "vision/picture_hash.h"

#include <algorithm>
#include <bit>
#include <map>
#include <numeric>
#include <opencv2/imgproc.hpp>

namespace attend {
namespace {

// Of hashes that differ in d bits at least one of d + 1 bands is the same.
constexpr int kBands = kMostBitsApart + 1;

uint16_t band_of(uint64_t hash, int band) {
  const int begin = 64 * band / kBands, end = 64 * (band + 1) / kBands;
  return static_cast<uint16_t>(hash >> begin & ((uint64_t{1} << (end - begin)) - 1));
}

bool are_alike(uint64_t a, uint64_t b) { return std::popcount(a ^ b) <= kMostBitsApart; }

/// Of each hash the value of its band, and which it is; sorted.
using Band = std::vector<std::pair<uint16_t, uint32_t>>;

Band band_of(std::span<const uint64_t> hashes, std::span<const uint32_t> which, int band) {
  Band sorted;
  sorted.reserve(which.size());
  for (const uint32_t i : which) sorted.emplace_back(band_of(hashes[i], band), i);
  std::sort(sorted.begin(), sorted.end());
  return sorted;
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

std::vector<std::vector<size_t>> alike_groups(std::span<const uint64_t> hashes) {
  std::vector<uint32_t> first(hashes.size());  // of a hash's group, or one nearer to it
  std::iota(first.begin(), first.end(), uint32_t{0});
  const auto first_of = [&](uint32_t i) {
    while (first[i] != i) i = first[i] = first[first[i]];
    return i;
  };
  const auto join = [&](uint32_t i, uint32_t j) {
    const uint32_t a = first_of(i), b = first_of(j);
    first[std::max(a, b)] = std::min(a, b);
  };
  std::vector<uint32_t> unlike = first;  // one of each hash: a picture may be there ten thousand times
  std::sort(unlike.begin(), unlike.end(),
            [&](uint32_t a, uint32_t b) { return std::pair(hashes[a], a) < std::pair(hashes[b], b); });
  for (size_t i = 1; i < unlike.size(); ++i)
    if (hashes[unlike[i]] == hashes[unlike[i - 1]]) join(unlike[i], unlike[i - 1]);
  unlike.erase(
      std::unique(unlike.begin(), unlike.end(), [&](uint32_t a, uint32_t b) { return hashes[a] == hashes[b]; }),
      unlike.end());
  for (int number = 0; number < kBands; ++number) {
    const Band band = band_of(hashes, unlike, number);
    for (size_t i = 0; i < band.size(); ++i)
      for (size_t j = i + 1; j < band.size() && band[j].first == band[i].first; ++j)
        if (are_alike(hashes[band[i].second], hashes[band[j].second])) join(band[i].second, band[j].second);
  }
  std::map<uint32_t, std::vector<size_t>> members;
  std::vector<uint32_t> size(hashes.size());
  for (uint32_t i = 0; i < hashes.size(); ++i) ++size[first_of(i)];
  for (uint32_t i = 0; i < hashes.size(); ++i)
    if (size[first_of(i)] > 1) members[first_of(i)].push_back(i);
  std::vector<std::vector<size_t>> groups;
  for (auto& [head, group] : members) groups.push_back(std::move(group));
  return groups;
}

std::vector<std::pair<size_t, size_t>> alike_pairs(std::span<const uint64_t> hashes, std::span<const uint64_t> others) {
  std::vector<std::pair<size_t, size_t>> pairs;
  if (others.empty()) return pairs;
  std::vector<uint32_t> all(hashes.size());
  std::iota(all.begin(), all.end(), uint32_t{0});
  for (int number = 0; number < kBands; ++number) {
    const Band band = band_of(hashes, all, number);
    for (size_t other = 0; other < others.size(); ++other) {
      const uint16_t value = band_of(others[other], number);
      for (auto at = std::lower_bound(band.begin(), band.end(), std::pair(value, uint32_t{0}));
           at != band.end() && at->first == value; ++at)
        if (are_alike(hashes[at->second], others[other])) pairs.emplace_back(at->second, other);
    }
  }
  std::sort(pairs.begin(), pairs.end());
  pairs.erase(std::unique(pairs.begin(), pairs.end()), pairs.end());
  return pairs;
}

}  // namespace attend
