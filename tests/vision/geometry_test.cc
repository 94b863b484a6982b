#include "vision/geometry.h"

#include <gtest/gtest.h>

#include <opencv2/imgproc.hpp>

#include "base/error.h"
#include "vision/picture.h"
#include "vision/picture_files.h"

namespace attend {
namespace {

using attend::testing::exif;
using attend::testing::gradient;
using attend::testing::jpeg;
using attend::testing::stored_as;
using attend::testing::TemporaryFolder;

constexpr Resize all_resizes[] = {Resize::squash, Resize::crop, Resize::pad};
const cv::Size sizes[] = {{260, 260}, {640, 480}, {333, 517}, {101, 1000}, {31, 30}, {1, 1}, {1, 700}, {900, 2}};

cv::Mat bgr(const cv::Mat& rgb) {
  cv::Mat out;
  cv::cvtColor(rgb, out, cv::COLOR_RGB2BGR);
  return out;
}

/// A map that is 1 in one cell.
cv::Mat one_cell(int row, int col, int rows, int cols) {
  cv::Mat map(rows, cols, CV_32F, cv::Scalar(0));
  map.at<float>(row, col) = 1;
  return map;
}

/// A picture that is white where it covers `area` (shares of pixels count), black elsewhere.
cv::Mat painted(cv::Size size, const cv::Rect2d& area) {
  cv::Mat picture(size, CV_8UC3);
  const auto share = [](int pixel, double low, double high) {
    return std::clamp(std::min(high, pixel + 1.0) - std::max(low, double(pixel)), 0.0, 1.0);
  };
  for (int y = 0; y < size.height; ++y)
    for (int x = 0; x < size.width; ++x)
      picture.at<cv::Vec3b>(y, x) = cv::Vec3b::all(cv::saturate_cast<unsigned char>(
          255 * share(x, area.x, area.x + area.width) * share(y, area.y, area.y + area.height)));
  return picture;
}

/// Mean of each cell of the network's input, 0 to 1.
cv::Mat cell_means(const cv::Mat& input, int rows, int cols) {
  cv::Mat grey, means;
  cv::cvtColor(input, grey, cv::COLOR_RGB2GRAY);
  grey.convertTo(grey, CV_32F, 1 / 255.0);
  cv::resize(grey, means, {cols, rows}, 0, 0, cv::INTER_AREA);
  return means;
}

TEST(GeometryTest, KnowsItsResizesByName) {
  EXPECT_EQ(parse_resize("squash"), Resize::squash);
  EXPECT_EQ(parse_resize("crop"), Resize::crop);
  EXPECT_EQ(parse_resize("pad"), Resize::pad);
  EXPECT_THROW(parse_resize("stretch"), UsageError);
}

TEST(GeometryTest, InputAreaIsTheWholeTheMiddleOrTheSquareAround) {
  EXPECT_EQ(Geometry({640, 480}, 260, Resize::squash).input_area(), cv::Rect2d(0, 0, 640, 480));
  EXPECT_EQ(Geometry({640, 480}, 260, Resize::crop).input_area(), cv::Rect2d(80, 0, 480, 480));
  EXPECT_EQ(Geometry({480, 641}, 260, Resize::crop).input_area(), cv::Rect2d(0, 80.5, 480, 480));
  EXPECT_EQ(Geometry({640, 480}, 260, Resize::pad).input_area(), cv::Rect2d(0, -80, 640, 640));
}

TEST(GeometryTest, AMapLiesOnTheFullPictureExactlyWhereItsCellsAre) {
  for (const auto size : sizes)
    for (const auto resize : all_resizes)
      for (const auto grid : {cv::Size(9, 9), cv::Size(14, 14), cv::Size(5, 3)}) {
        const Geometry geometry(size, 260, resize);
        for (int i = 0; i < grid.area(); i += 4) {
          const int row = i / grid.width, col = i % grid.width;
          const auto cell = geometry.cell(row, col, grid.height, grid.width);
          const cv::Mat shown = geometry.to_picture(one_cell(row, col, grid.height, grid.width), size);
          ASSERT_EQ(shown.size(), size);
          for (int y = 0; y < size.height; ++y)
            for (int x = 0; x < size.width; ++x) {
              const double left = x + 0.5 - cell.x, top = y + 0.5 - cell.y, close = 1e-6;
              if (std::min({std::abs(left), std::abs(top), std::abs(left - cell.width), std::abs(top - cell.height)}) <
                  close)
                continue;  // a centre on the border itself belongs to either side
              const bool inside = left > 0 && top > 0 && left < cell.width && top < cell.height;
              ASSERT_EQ(shown.at<float>(y, x), inside ? 1.0f : 0.0f) << size << " " << grid << " at " << x << "," << y;
            }
        }
      }
}

TEST(GeometryTest, PaintedCellsArriveInTheirCellOfTheInput) {
  for (const auto size : sizes)
    for (const auto resize : all_resizes)
      for (const int side : {224, 260})
        for (int i = 0; i < 49; i += 3) {
          const Geometry geometry(size, side, resize);
          const auto cell = geometry.cell(i / 7, i % 7, 7, 7);
          const cv::Rect2d seen = cell & cv::Rect2d(0, 0, size.width, size.height);
          if (cell.width < 12 || cell.height < 12 || seen.area() < cell.area() - 1e-6) continue;
          const cv::Mat means = cell_means(geometry.to_input(painted(size, cell)), 7, 7);
          for (int other = 0; other < 49; ++other) {
            if (resize == Resize::pad &&
                (geometry.cell(other / 7, other % 7, 7, 7) & cv::Rect2d({0, 0}, cv::Size2d(size))).area() <
                    geometry.cell(other / 7, other % 7, 7, 7).area() - 1e-6)
              continue;  // shows padding
            // Interpolation over a cell's border reaches half a pixel of the picture to either side.
            const double blur = 0.5 * (1 / cell.width + 1 / cell.height) + 0.02;
            EXPECT_NEAR(means.at<float>(other / 7, other % 7), other == i ? 1 : 0, blur)
                << size << " cell " << i << " in " << other;
          }
        }
}

TEST(GeometryTest, ACellIsFoundThroughEveryOrientationResizeAndReduction) {
  const TemporaryFolder folder;
  const cv::Size size(608, 448);
  for (int orientation = 1; orientation <= 8; ++orientation)
    for (const auto resize : all_resizes)
      for (const int reduce_to : {0, 100}) {
        const Geometry geometry(size, 98, resize);
        const int row = 2 + orientation % 3, col = 2 + orientation % 2;
        const cv::Mat upright = painted(size, geometry.cell(row, col, 7, 7));
        const auto path = folder.write("cell.jpg", jpeg(stored_as(upright, orientation), {.exif = exif(orientation)}));
        const Picture picture = read_picture(path, reduce_to);
        ASSERT_EQ(picture.full, size);
        ASSERT_EQ(picture.pixels.cols<size.width, reduce_to> 0);
        const Geometry found(picture.full, 98, resize);
        cv::Mat means = cell_means(found.to_input(picture.pixels), 7, 7);
        EXPECT_GT(means.at<float>(row, col), 0.93) << orientation;
        if (resize == Resize::pad) means = means.rowRange(1, 6);  // grey above and below the picture
        cv::Point brightest;
        cv::minMaxLoc(means, nullptr, nullptr, nullptr, &brightest);
        EXPECT_EQ(brightest, cv::Point(col, resize == Resize::pad ? row - 1 : row));
        // And back: the map of that cell lies on the white of the upright picture.
        const cv::Mat shown = found.to_picture(one_cell(row, col, 7, 7), picture.pixels.size());
        cv::Mat grey, difference;
        cv::cvtColor(picture.pixels, grey, cv::COLOR_BGR2GRAY);
        grey.convertTo(grey, CV_32F, 1 / 255.0);
        cv::absdiff(grey, shown, difference);
        const double border = 2 * (1.0 / 7) * (picture.pixels.cols + picture.pixels.rows);
        EXPECT_LT(cv::sum(difference)[0], 0.75 * border + 0.01 * static_cast<double>(picture.pixels.total()));
      }
}

TEST(GeometryTest, AnInputOfThePicturesOwnSizeIsThePicture) {
  const cv::Mat picture = gradient(64, 64);
  for (const auto resize : all_resizes)
    EXPECT_EQ(cv::norm(bgr(Geometry({64, 64}, 64, resize).to_input(picture)), picture, cv::NORM_INF), 0);
}

TEST(GeometryTest, ResizesAsOpenCvDoes) {
  cv::Mat picture(360, 480, CV_8UC3), expected;
  cv::randu(picture, 0, 256);
  cv::resize(picture, expected, {120, 120}, 0, 0, cv::INTER_AREA);
  EXPECT_LE(cv::norm(bgr(Geometry({480, 360}, 120, Resize::squash).to_input(picture)), expected, cv::NORM_INF), 1);
  cv::resize(picture, expected, {97, 97}, 0, 0, cv::INTER_AREA);
  EXPECT_LE(cv::norm(bgr(Geometry({480, 360}, 97, Resize::squash).to_input(picture)), expected, cv::NORM_INF), 1);
  cv::resize(picture, expected, {700, 700}, 0, 0, cv::INTER_LINEAR);
  EXPECT_LE(cv::norm(bgr(Geometry({480, 360}, 700, Resize::squash).to_input(picture)), expected, cv::NORM_INF), 1);
  cv::resize(picture(cv::Rect(60, 0, 360, 360)), expected, {90, 90}, 0, 0, cv::INTER_AREA);
  EXPECT_LE(cv::norm(bgr(Geometry({480, 360}, 90, Resize::crop).to_input(picture)), expected, cv::NORM_INF), 1);
}

TEST(GeometryTest, PaddingIsGreyAndCostsNothingHoweverLongThePicture) {
  const cv::Mat picture(20000, 1, CV_8UC3, cv::Scalar(255, 0, 0));
  const cv::Mat input = Geometry(picture.size(), 100, Resize::pad).to_input(picture);
  EXPECT_EQ(input.at<cv::Vec3b>(50, 0), cv::Vec3b(124, 116, 104));
  EXPECT_EQ(input.at<cv::Vec3b>(50, 99), cv::Vec3b(124, 116, 104));

  const cv::Mat wide(50, 100, CV_8UC3, cv::Scalar(255, 0, 0));
  const cv::Mat padded = Geometry(wide.size(), 100, Resize::pad).to_input(wide);
  for (int y = 0; y < 100; ++y)
    EXPECT_EQ(padded.at<cv::Vec3b>(y, 37), y >= 25 && y < 75 ? cv::Vec3b(0, 0, 255) : cv::Vec3b(124, 116, 104)) << y;
}

TEST(GeometryTest, AReducedPictureGivesTheSameInputNearly) {
  const cv::Mat picture = gradient(800, 600);
  cv::Mat reduced;
  cv::resize(picture, reduced, {400, 300}, 0, 0, cv::INTER_AREA);
  for (const auto resize : all_resizes) {
    const Geometry geometry(picture.size(), 200, resize);
    EXPECT_LE(cv::norm(geometry.to_input(picture), geometry.to_input(reduced), cv::NORM_INF), 2);
  }
}

TEST(GeometryTest, SmoothingKeepsConstantMapsAndTotalLight) {
  const Geometry geometry({360, 240}, 260, Resize::squash);
  for (const double smoothing : {0.0, 0.3, 0.8, 3.0}) {
    const cv::Mat constant = geometry.to_picture(cv::Mat(9, 9, CV_32F, cv::Scalar(0.5)), {360, 240}, smoothing);
    EXPECT_LE(cv::norm(constant, cv::Mat(240, 360, CV_32F, cv::Scalar(0.5)), cv::NORM_INF), 1e-5);
    EXPECT_NEAR(cv::mean(geometry.to_picture(one_cell(0, 4, 9, 9), {360, 240}, smoothing))[0], 1 / 81.0, 2e-4);
  }
}

TEST(GeometryTest, SmoothingIsAGaussianOverTheCells) {
  cv::Mat map(8, 8, CV_32F);
  cv::randu(map, 0, 1);
  const Geometry geometry({640, 640}, 260, Resize::squash);
  cv::Mat expected;
  cv::resize(map, expected, {640, 640}, 0, 0, cv::INTER_NEAREST);
  cv::GaussianBlur(expected, expected, {641, 641}, 80 * 0.7, 80 * 0.7, cv::BORDER_REFLECT);
  EXPECT_LE(cv::norm(geometry.to_picture(map, {640, 640}, 0.7), expected, cv::NORM_INF), 2e-3);
}

TEST(GeometryTest, NothingShowsWhereTheNetworkSawNothing) {
  const Geometry geometry({300, 100}, 260, Resize::crop);
  const cv::Mat shown = geometry.to_picture(cv::Mat(9, 9, CV_32F, cv::Scalar(1)), {300, 100}, 0.8);
  for (int x = 0; x < 300; ++x) EXPECT_NEAR(shown.at<float>(50, x), x >= 100 && x < 200 ? 1 : 0, 1e-6) << x;
}

}  // namespace
}  // namespace attend
