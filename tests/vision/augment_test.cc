#include "vision/augment.h"

#include <gtest/gtest.h>

#include <opencv2/imgproc.hpp>

namespace attend {
namespace {

/// Column number in the first channel, row number in the second.
cv::Mat coordinates() {
  cv::Mat picture(200, 240, CV_8UC3);
  for (int y = 0; y < picture.rows; ++y)
    for (int x = 0; x < picture.cols; ++x)
      picture.at<cv::Vec3b>(y, x) = {static_cast<unsigned char>(x), static_cast<unsigned char>(y), 60};
  return picture;
}

AugmentOptions everything() {
  return {.crop = 0.2, .flip = true, .brightness = 0.3, .contrast = 0.3, .saturation = 0.3};
}

TEST(AugmentTest, NoOptionsLeaveThePicture) {
  std::mt19937_64 generator(1);
  EXPECT_EQ(cv::norm(augment(coordinates(), {}, generator), coordinates(), cv::NORM_INF), 0);
}

TEST(AugmentTest, TheGeneratorDecidesEverythingAndTheOriginalStays) {
  const cv::Mat picture = coordinates();
  std::mt19937_64 first(5), second(5), third(6);
  const cv::Mat once = augment(picture, everything(), first);
  EXPECT_EQ(cv::norm(once, augment(picture, everything(), second), cv::NORM_INF), 0);
  EXPECT_GT(cv::norm(once, augment(picture, everything(), third), cv::NORM_INF), 0);
  EXPECT_EQ(cv::norm(picture, coordinates(), cv::NORM_INF), 0);
}

TEST(AugmentTest, EveryOtherPictureIsMirrored) {
  const cv::Mat picture = coordinates();
  cv::Mat mirrored;
  cv::flip(picture, mirrored, 1);
  std::mt19937_64 generator(2);
  int flips = 0;
  for (int i = 0; i < 400; ++i) {
    bool told = false;
    const cv::Mat changed = augment(picture, {.flip = true}, generator, &told);
    const bool flipped = changed.at<cv::Vec3b>(0, 0)[0] == 239;
    EXPECT_EQ(told, flipped);
    EXPECT_EQ(cv::norm(changed, flipped ? mirrored : picture, cv::NORM_INF), 0);
    flips += flipped;
  }
  EXPECT_NEAR(flips, 200, 50);
}

TEST(AugmentTest, CropsCutAtMostTheirShareOfEachSideAnywhere) {
  std::mt19937_64 generator(3);
  int least_left = 255, most_left = 0, narrowest = 255;
  for (int i = 0; i < 300; ++i) {
    const cv::Mat changed = augment(coordinates(), {.crop = 0.25}, generator);
    ASSERT_EQ(changed.size(), cv::Size(240, 200));
    const auto left = changed.at<cv::Vec3b>(100, 0), right = changed.at<cv::Vec3b>(100, 239);
    const auto top = changed.at<cv::Vec3b>(0, 100), bottom = changed.at<cv::Vec3b>(199, 100);
    EXPECT_GE(right[0] - left[0] + 1, 240 * 3 / 4 - 2);
    EXPECT_GE(bottom[1] - top[1] + 1, 200 * 3 / 4 - 2);
    least_left = std::min<int>(least_left, left[0]);
    most_left = std::max<int>(most_left, left[0]);
    narrowest = std::min(narrowest, right[0] - left[0] + 1);
  }
  EXPECT_LE(least_left, 1);
  EXPECT_GE(most_left, 45);
  EXPECT_LE(narrowest, 190);
}

TEST(AugmentTest, BrightnessScalesContrastSpreadsSaturationColours) {
  const cv::Mat picture(10, 10, CV_8UC3, cv::Scalar(40, 80, 120));  // every pixel the mean grey 80
  std::mt19937_64 generator(4);
  double darkest = 1e9, brightest = 0;
  for (int i = 0; i < 100; ++i) {
    const auto bright = cv::mean(augment(picture, {.brightness = 0.5}, generator));
    EXPECT_NEAR(bright[1], 2 * bright[0], 2);
    EXPECT_NEAR(bright[2], 3 * bright[0], 3);
    darkest = std::min(darkest, bright[1]);
    brightest = std::max(brightest, bright[1]);
    for (const auto& options : {AugmentOptions{.contrast = 0.5}, AugmentOptions{.saturation = 0.5}}) {
      const auto mean = cv::mean(augment(picture, options, generator));
      EXPECT_NEAR(mean[1], 80, 1);  // grey stays, the rest moves towards it or away
      EXPECT_NEAR(mean[0] + mean[2], 160, 2);
      EXPECT_GE(mean[0], 19);
      EXPECT_LE(mean[0], 61);
    }
  }
  EXPECT_NEAR(darkest, 40, 5);
  EXPECT_NEAR(brightest, 120, 5);
}

TEST(AugmentTest, DegradedPicturesAreSmallOrGrainyOrCompressedAndTheSamePicture) {
  cv::Mat picture(300, 600, CV_8UC3);
  for (int y = 0; y < picture.rows; ++y)
    for (int x = 0; x < picture.cols; ++x) picture.at<cv::Vec3b>(y, x) = cv::Vec3b(x * 255 / 600, y * 255 / 300, 128);
  std::mt19937_64 generator(3), again(3);
  int small = 0, changed = 0;
  for (int i = 0; i < 60; ++i) {
    const cv::Mat worse = augment(picture, {.degrade = 0.5}, generator);
    EXPECT_EQ(cv::norm(worse, augment(picture, {.degrade = 0.5}, again), cv::NORM_INF), 0) << "by the generator alone";
    EXPECT_NEAR(static_cast<double>(worse.cols) / worse.rows, 2, 0.03);
    EXPECT_GE(worse.cols, 160);
    small += worse.cols <= 400;
    cv::Mat shown;
    cv::resize(picture, shown, worse.size(), 0, 0, cv::INTER_AREA);
    const double difference = cv::norm(shown, worse, cv::NORM_L1) / static_cast<double>(3 * worse.total());
    EXPECT_LE(difference, 9);
    changed += difference > 0;
  }
  EXPECT_NEAR(small, 30, 12);
  EXPECT_NEAR(changed, 22, 12);  // of those that are degraded a quarter is only made small
}

TEST(AugmentTest, ChannelOrderDoesNotMatter) {
  cv::Mat picture(50, 60, CV_8UC3), swapped, back;
  cv::randu(picture, 0, 256);
  cv::cvtColor(picture, swapped, cv::COLOR_BGR2RGB);
  std::mt19937_64 first(8), second(8);
  cv::cvtColor(augment(swapped, everything(), second), back, cv::COLOR_RGB2BGR);
  EXPECT_LE(cv::norm(augment(picture, everything(), first), back, cv::NORM_INF), 1);
}

}  // namespace
}  // namespace attend
