#include "pipeline/picture_source.h"

#include <gtest/gtest.h>

#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include "base/error.h"
#include "data/temporary_folder.h"

namespace attend {
namespace {

/// 5x4 pixels, BGR, no two alike.
cv::Mat some_pixels() {
  cv::Mat pixels(4, 5, CV_8UC3);
  for (int i = 0; i < 20; ++i) pixels.at<cv::Vec3b>(i / 5, i % 5) = {uint8_t(i), uint8_t(40 + i), uint8_t(200 + i)};
  return pixels;
}

std::vector<unsigned char> png(const cv::Mat& pixels) {
  std::vector<unsigned char> bytes;
  cv::imencode(".png", pixels, bytes);
  return bytes;
}

bool same(const Picture& picture, const cv::Mat& pixels) {
  return picture.full == pixels.size() && picture.pixels.type() == CV_8UC3 &&
         cv::norm(picture.pixels, pixels, cv::NORM_INF) == 0;
}

std::string refusal_of(const PictureSource& source) {
  try {
    source.read();
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

TEST(PictureSource, AFileItsBytesAndItsPixelsAreTheSamePicture) {
  const cv::Mat pixels = some_pixels();
  const auto bytes = png(pixels);
  TemporaryFolder folder;
  const PictureSource file(folder.write("x.png", std::string(bytes.begin(), bytes.end())));
  EXPECT_TRUE(same(file.read(), pixels));
  EXPECT_EQ(file.name(), (folder.path() / "x.png").native());
  const PictureSource encoded(EncodedPicture{bytes, "in memory"});
  EXPECT_TRUE(same(encoded.read(), pixels));
  EXPECT_EQ(encoded.name(), "in memory");
  cv::Mat rgb;
  cv::cvtColor(pixels, rgb, cv::COLOR_BGR2RGB);
  EXPECT_TRUE(same(PictureSource(RgbPicture{rgb.data, 5, 4, 15, "pixels"}).read(), pixels));
}

TEST(PictureSource, RowsOfPixelsMayLieApart) {
  cv::Mat rgb;
  cv::cvtColor(some_pixels(), rgb, cv::COLOR_BGR2RGB);
  EXPECT_TRUE(
      same(PictureSource(RgbPicture{rgb.ptr(0, 1), 3, 4, rgb.step, "part"}).read(), some_pixels().colRange(1, 4)));
}

TEST(PictureSource, RefusesWhatIsNoPictureByItsName) {
  const unsigned char one[3] = {1, 2, 3};
  EXPECT_EQ(refusal_of(EncodedPicture{{one, 3}, "three bytes"}).rfind("three bytes: ", 0), 0u);
  EXPECT_EQ(refusal_of(EncodedPicture{{}, "none"}), "none: an empty file");
  EXPECT_EQ(refusal_of(RgbPicture{one, 0, 1, 3, "flat"}), "flat: an empty picture (0x1 pixels)");
  EXPECT_EQ(refusal_of(RgbPicture{one, 1, -1, 3, "flat"}), "flat: an empty picture (1x-1 pixels)");
  EXPECT_EQ(refusal_of(RgbPicture{nullptr, 1, 1, 3, "null"}), "null: no pixels");
  EXPECT_EQ(refusal_of(RgbPicture{one, 1, 1, 2, "narrow"}), "narrow: its rows are 2 bytes apart, and 3 bytes long");
  EXPECT_NE(refusal_of(RgbPicture{one, 1 << 30, 1 << 30, size_t{3} << 30, "vast"}).find("vast: too large"),
            std::string::npos);
}

}  // namespace
}  // namespace attend
