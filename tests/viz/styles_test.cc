// Golden pictures of every style of overlay. After a change that is meant: ATTEND_WRITE_GOLDEN=1 viz_test, and look.
#include "viz/styles.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <opencv2/imgproc.hpp>

#include "vision/picture.h"
#include "viz/overlay.h"

namespace attend {
namespace {

/// A grey ramp with a bright disc and a dark bar, so that maps are seen on both.
cv::Mat scene() {
  cv::Mat picture(120, 160, CV_8UC3);
  for (int y = 0; y < picture.rows; ++y)
    for (int x = 0; x < picture.cols; ++x)
      picture.at<cv::Vec3b>(y, x) = {static_cast<unsigned char>(60 + x), static_cast<unsigned char>(90 + y / 2),
                                     static_cast<unsigned char>(200 - x)};
  cv::circle(picture, {110, 60}, 25, {235, 245, 250}, cv::FILLED, cv::LINE_AA);
  cv::rectangle(picture, cv::Rect(20, 70, 30, 40), {30, 25, 20}, cv::FILLED);
  return picture;
}

/// Two bumps on 6x8 cells, one half as high as the other.
cv::Mat two_bumps() {
  cv::Mat map(6, 8, CV_32F);
  for (int r = 0; r < 6; ++r)
    for (int c = 0; c < 8; ++c)
      map.at<float>(r, c) = std::exp(-0.5f * static_cast<float>((r - 2) * (r - 2) + (c - 5) * (c - 5))) +
                            0.5f * std::exp(-0.5f * static_cast<float>((r - 4) * (r - 4) + (c - 1) * (c - 1)));
  return map / cv::sum(map)[0];
}

void expect_golden(const cv::Mat& drawn, const std::string& name) {
  const auto path = std::filesystem::path(ATTEND_SOURCE_DIR) / "tests/viz/data" / (name + ".png");
  if (std::getenv("ATTEND_WRITE_GOLDEN")) write_picture(path, drawn);
  const cv::Mat golden = read_picture(path).pixels;
  ASSERT_EQ(drawn.size(), golden.size()) << name;
  cv::Mat difference;
  cv::absdiff(drawn, golden, difference);
  const cv::Scalar mean = cv::mean(difference);
  EXPECT_LE((mean[0] + mean[1] + mean[2]) / 3, 0.7) << name;  // another rounding here and there
  EXPECT_LE(cv::countNonZero(difference.reshape(1) > 24), 0.003 * static_cast<double>(3 * drawn.total())) << name;
}

class StyleTest : public ::testing::TestWithParam<const char*> {};

TEST_P(StyleTest, LooksAsItDid) {
  const cv::Mat picture = scene();
  const Geometry geometry(picture.size(), 64, Resize::squash);
  OverlayOptions options;
  options.style = GetParam();
  expect_golden(lay_over(picture, light_of(two_bumps(), geometry, picture.size(), 0.8), options), options.style);
  options.tile = 96;
  cv::Mat reversed;
  cv::flip(two_bumps(), reversed, 1);
  expect_golden(draw_page(picture, geometry, {{"dog", two_bumps()}, {"runs", reversed}}, "a dog runs", options),
                options.style + "_page");
}

INSTANTIATE_TEST_SUITE_P(All, StyleTest, ::testing::Values("glow", "heat", "contour", "spotlight"),
                         [](const auto& style) { return std::string(style.param); });

cv::Mat flat(int grey) { return {60, 80, CV_8UC3, cv::Scalar::all(grey)}; }

TEST(StylesTest, SpotlightLeavesThePeakAloneAndDarkensTheRest) {
  OverlayOptions options;
  options.style = "spotlight";
  EXPECT_EQ(cv::mean(lay_over(flat(100), cv::Mat(60, 80, CV_32F, cv::Scalar(1)), options))[0], 100);
  EXPECT_NEAR(cv::mean(lay_over(flat(100), cv::Mat(60, 80, CV_32F, cv::Scalar(0)), options))[0], 35, 1);
}

TEST(StylesTest, GlowIsReadableUnderABrightSky) {  // ground that a word looks at outshines sky that it half looks at
  OverlayOptions options;
  const auto shown = [&](int grey, double map) {
    return cv::mean(lay_over(flat(grey), cv::Mat(60, 80, CV_32F, cv::Scalar(map)), options))[0];
  };
  for (const int ground : {40, 80, 120}) {
    EXPECT_GE(shown(ground, 1), shown(255, 0.4)) << ground;
    EXPECT_GE(shown(ground, 1), shown(255, 0) + 25) << ground;
  }
  for (const int grey : {0, 60, 128, 250, 255})  // and a map's levels are told apart on any ground
    for (double map = 0.25; map <= 1; map += 0.25)
      EXPECT_GE(shown(grey, map), shown(grey, map - 0.25) + 4) << grey << map;
}

TEST(StylesTest, HeatIsTheScalesColourAtFullOpacityAndThePictureAtNone) {
  OverlayOptions options;
  options.style = "heat";
  options.alpha = 1;
  const cv::Mat top = lay_over(flat(100), cv::Mat(60, 80, CV_32F, cv::Scalar(1)), options);
  EXPECT_EQ(top.at<cv::Vec3b>(30, 40), colour_bar({256, 4}).at<cv::Vec3b>(0, 255));
  options.alpha = 0;
  EXPECT_EQ(cv::norm(lay_over(flat(100), cv::Mat(60, 80, CV_32F, cv::Scalar(1)), options), flat(100), cv::NORM_INF), 0);
}

TEST(StylesTest, TheScaleGrowsLighterAllTheWay) {  // so it reads the same in grey and for every eye
  cv::Mat lightness;
  cv::cvtColor(colour_bar({64, 1}), lightness, cv::COLOR_BGR2Lab);
  for (int i = 1; i < 64; ++i) EXPECT_GE(lightness.at<cv::Vec3b>(0, i)[0], lightness.at<cv::Vec3b>(0, i - 1)[0]) << i;
  EXPECT_GT(lightness.at<cv::Vec3b>(0, 63)[0], lightness.at<cv::Vec3b>(0, 0)[0] + 150);
}

TEST(StylesTest, AnEvenMapHasNoContours) {
  OverlayOptions options;
  options.style = "contour";
  EXPECT_EQ(cv::norm(lay_over(flat(100), cv::Mat(60, 80, CV_32F, cv::Scalar(0.5)), options), flat(100), cv::NORM_INF),
            0);
}

TEST(StylesTest, WordsGrowWithTheFontScale) {
  const Geometry geometry({160, 120}, 64, Resize::squash);
  const auto letters = [&](double scale) {
    OverlayOptions options;
    options.font_scale = scale;
    const cv::Mat drawn = draw_word(cv::Mat::zeros(120, 160, CV_8UC3), geometry, {"dog", two_bumps()}, options);
    return cv::countNonZero(drawn.rowRange(0, drawn.rows - 120).clone().reshape(1) < 100);
  };
  EXPECT_GT(letters(2), 3 * letters(1));
}

}  // namespace
}  // namespace attend
