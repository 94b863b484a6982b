#include "viz/map_check.h"

#include <gtest/gtest.h>

namespace attend {
namespace {

cv::Mat even() { return {9, 9, CV_32F, cv::Scalar(1 / 81.0)}; }

cv::Mat peak(int cell, double share = 1) {
  cv::Mat map = even() * (1 - share);
  map.at<float>(cell / 9, cell % 9) += static_cast<float>(share);
  return map;
}

TEST(MapCheckTest, MapsThatLookAtDifferentPlacesAreFine) {
  EXPECT_FALSE(check_maps({peak(3), peak(40), peak(77)}).any());
  EXPECT_FALSE(check_maps({peak(3, 0.4), peak(40, 0.4), peak(77, 0.4)}).any());
  EXPECT_FALSE(check_maps({}).any());
}

TEST(MapCheckTest, NearUniformAttentionIsNoticed) {
  EXPECT_TRUE(check_maps({even(), peak(3, 0.05), peak(60, 0.05)}).even);
  EXPECT_TRUE(check_maps({peak(3), even()}).even);            // half of the words
  EXPECT_FALSE(check_maps({peak(3), peak(4), even()}).even);  // fewer than half
  EXPECT_TRUE(check_maps({cv::Mat::zeros(9, 9, CV_32F)}).even);
  cv::Mat half = cv::Mat::zeros(9, 9, CV_32F);
  half.rowRange(0, 4).setTo(1);
  EXPECT_FALSE(check_maps({half}).even);
}

TEST(MapCheckTest, TheSameMapForEveryWordIsNoticed) {
  EXPECT_TRUE(check_maps({peak(5), peak(5), peak(5)}).alike);
  EXPECT_TRUE(check_maps({peak(5), peak(5) * 7}).alike);  // the sum doesn't matter
  EXPECT_TRUE(check_maps({peak(5, 0.9), peak(5, 0.85), peak(5, 0.95)}).alike);
  EXPECT_FALSE(check_maps({peak(5), peak(5), peak(6)}).alike);
  EXPECT_FALSE(check_maps({peak(5)}).alike);  // one word can't look like the others
}

}  // namespace
}  // namespace attend
