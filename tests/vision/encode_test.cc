#include "vision/encode.h"

#include <gtest/gtest.h>

#include <opencv2/imgcodecs.hpp>
#include <vector>

#include "base/error.h"
#include "vision/picture_files.h"

namespace attend {
namespace {

/// Noise on a gradient: a part of a larger picture, so that rows don't lie one after another.
cv::Mat noisy(int width, int height) {
  cv::Mat whole(height + 3, width + 5, CV_8UC3);
  cv::RNG(7).fill(whole, cv::RNG::UNIFORM, 0, 40);
  cv::Mat part = whole(cv::Rect(2, 1, width, height));
  part += testing::gradient(width, height);
  return part;
}

double most_difference(const cv::Mat& a, const cv::Mat& b) {
  EXPECT_EQ(a.size(), b.size());
  return a.size() == b.size() ? cv::norm(a, b, cv::NORM_INF) : 255;
}

TEST(Encode, PngKeepsEveryPixel) {
  for (const cv::Size size : {cv::Size(1, 1), cv::Size(1, 9), cv::Size(61, 47)}) {
    const cv::Mat picture = noisy(size.width, size.height);
    EXPECT_EQ(most_difference(cv::imdecode(encode_png(picture), cv::IMREAD_COLOR), picture), 0) << size;
  }
}

TEST(Encode, JpegAndWebpAreThoseOfAnotherEncoder) {
  const cv::Mat picture = noisy(61, 47);
  for (const int quality : {30, 75, 92}) {
    std::vector<unsigned char> jpeg, webp;
    cv::imencode(".jpg", picture, jpeg, {cv::IMWRITE_JPEG_QUALITY, quality});
    cv::imencode(".webp", picture, webp, {cv::IMWRITE_WEBP_QUALITY, quality});
    const cv::Mat expected = cv::imdecode(jpeg, cv::IMREAD_COLOR);
    EXPECT_EQ(most_difference(cv::imdecode(encode_jpeg(picture, quality), cv::IMREAD_COLOR), expected), 0) << quality;
    EXPECT_EQ(most_difference(cv::imdecode(encode_webp(picture, quality), cv::IMREAD_COLOR),
                              cv::imdecode(webp, cv::IMREAD_COLOR)),
              0)
        << quality;
    const auto small = encode_jpeg(picture, quality, true);
    EXPECT_LT(small.size(), jpeg.size());
    EXPECT_EQ(most_difference(cv::imdecode(small, cv::IMREAD_COLOR), expected), 0) << quality;
  }
}

TEST(Encode, WhatAFormatCantHoldIsRefused) {
  const cv::Mat wide(1, 70000, CV_8UC3, cv::Scalar(1, 2, 3));
  EXPECT_EQ(cv::imdecode(encode_png(wide), cv::IMREAD_COLOR).cols, wide.cols);
  for (const auto encode : {+[](const cv::Mat& picture) { return encode_jpeg(picture, 90); },
                            +[](const cv::Mat& picture) { return encode_webp(picture, 90); }}) {
    try {
      encode(wide);
      ADD_FAILURE() << "encoded";
    } catch (const Error& fault) {
      EXPECT_NE(std::string(fault.what()).find("70000x1"), std::string::npos) << fault.what();
    }
  }
}

}  // namespace
}  // namespace attend
