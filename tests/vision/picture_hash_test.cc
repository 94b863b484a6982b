#include "vision/picture_hash.h"

#include <gtest/gtest.h>

#include <bit>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <random>

namespace attend {
namespace {

cv::Mat scene(unsigned seed) {
  std::mt19937 generator(seed);
  cv::Mat blocks(9, 12, CV_8UC3), picture;
  for (auto block = blocks.begin<cv::Vec3b>(); block != blocks.end<cv::Vec3b>(); ++block)
    for (int c = 0; c < 3; ++c) (*block)[c] = static_cast<unsigned char>(generator() % 256);
  cv::resize(blocks, picture, {320, 240}, 0, 0, cv::INTER_CUBIC);
  return picture;
}

int apart(const cv::Mat& a, const cv::Mat& b) { return std::popcount(perceptual_hash(a) ^ perceptual_hash(b)); }

TEST(PerceptualHash, StaysWhereAPictureIsScaledCompressedOrBrightened) {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    const cv::Mat picture = scene(seed);
    cv::Mat small, bright;
    cv::resize(picture, small, {150, 130}, 0, 0, cv::INTER_AREA);
    std::vector<unsigned char> bytes;
    cv::imencode(".jpg", picture, bytes, {cv::IMWRITE_JPEG_QUALITY, 40});
    picture.convertTo(bright, -1, 0.8, 20);
    EXPECT_LE(apart(picture, small), kMostBitsApart) << seed;
    EXPECT_LE(apart(picture, cv::imdecode(bytes, cv::IMREAD_COLOR)), kMostBitsApart) << seed;
    EXPECT_LE(apart(picture, bright), kMostBitsApart) << seed;
    EXPECT_GT(apart(picture, scene(seed + 100)), 2 * kMostBitsApart) << seed;
  }
}

TEST(AlikeHashes, FindsWhatComparingAllPairsFinds) {
  std::mt19937_64 generator(3);
  std::vector<uint64_t> hashes;
  for (int i = 0; i < 300; ++i) {
    uint64_t hash = i % 3 == 0 || i == 0 ? generator() : hashes[generator() % hashes.size()];
    for (auto n = generator() % 6; n > 0 && i % 3 != 0; --n) hash ^= uint64_t{1} << generator() % 64;
    hashes.push_back(hash);
  }
  const std::vector<uint64_t> others(hashes.begin() + 40, hashes.begin() + 90);
  std::vector<std::pair<size_t, size_t>> pairs;
  std::vector<size_t> group(hashes.size());
  for (size_t i = 0; i < hashes.size(); ++i) group[i] = i;
  for (size_t i = 0; i < hashes.size(); ++i) {
    for (size_t j = 0; j < hashes.size(); ++j)
      if (std::popcount(hashes[i] ^ hashes[j]) <= kMostBitsApart) {
        if (j >= 40 && j < 90) pairs.emplace_back(i, j - 40);
        const size_t from = std::max(group[i], group[j]), to = std::min(group[i], group[j]);
        for (auto& one : group)
          if (one == from) one = to;
      }
  }
  EXPECT_EQ(alike_pairs(hashes, others), pairs);
  std::vector<std::vector<size_t>> members(hashes.size()), expected;
  for (size_t i = 0; i < hashes.size(); ++i) members[group[i]].push_back(i);
  for (auto& one : members)
    if (one.size() > 1) expected.push_back(one);
  EXPECT_EQ(alike_groups(hashes), expected);
  EXPECT_TRUE(alike_groups({}).empty());
  EXPECT_TRUE(alike_pairs({}, others).empty());
}

}  // namespace
}  // namespace attend
