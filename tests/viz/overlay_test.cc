#include "viz/overlay.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <opencv2/imgproc.hpp>

#include "base/error.h"
#include "vision/picture.h"
#include "vision/picture_files.h"
#include "viz/typeface.h"

namespace attend {
namespace {

using attend::testing::TemporaryFolder;

WordMap word_at(const std::string& word, int row, int col, int side = 9) {
  cv::Mat attention(side, side, CV_32F, cv::Scalar(0));
  attention.at<float>(row, col) = 1;
  return {word, attention};
}

cv::Mat plain(cv::Size size, int grey) { return {size, CV_8UC3, cv::Scalar::all(grey)}; }

double mean_of(const cv::Mat& picture, const cv::Rect& area) {
  const auto mean = cv::mean(picture(area & cv::Rect({}, picture.size())));
  return (mean[0] + mean[1] + mean[2]) / 3;
}

cv::Rect middle_of(const cv::Rect2d& cell) {
  return {cvRound(cell.x + cell.width / 4), cvRound(cell.y + cell.height / 4), cvRound(cell.width / 2),
          cvRound(cell.height / 2)};
}

/// The picture under the line that its word stands in.
cv::Mat picture_of(const cv::Mat& drawn, cv::Size size) {
  return drawn(cv::Rect({0, drawn.rows - size.height}, size)).clone();
}

/// Where the page shows the picture alone, which has a colour that nothing else has.
cv::Rect place_of(const cv::Mat& page, const cv::Scalar& colour) {
  cv::Mat same;
  cv::inRange(page, colour, colour, same);
  return cv::boundingRect(same);
}

TEST(OverlayTest, TheWordGlowsWhereItLooksOnDarkAndLightPictures) {
  const cv::Size size(630, 450);
  for (const int grey : {0, 20, 128, 250})
    for (const auto resize : {Resize::squash, Resize::crop, Resize::pad}) {
      const Geometry geometry(size, 260, resize);
      const cv::Mat drawn = draw_word(plain(size, grey), geometry, word_at("dog", 5, 6), {});
      ASSERT_EQ(drawn.cols, size.width);
      const cv::Mat shown = picture_of(drawn, size);
      const double there = mean_of(shown, middle_of(geometry.cell(5, 6, 9, 9)));
      const double elsewhere = mean_of(shown, {300, 400, 60, 40});
      EXPECT_GT(there, elsewhere + 60) << grey;
      EXPECT_LE(elsewhere, 0.4 * grey + 3);
    }
}

TEST(OverlayTest, BareCellsAreDrawnExactly) {
  const Geometry geometry({90, 180}, 260, Resize::squash);
  OverlayOptions options;
  options.smoothing = 0, options.darken = 1, options.glow = 0;
  const cv::Mat shown = picture_of(draw_word(plain({180, 360}, 200), geometry, word_at("", 8, 8), options), {180, 360});
  EXPECT_EQ(mean_of(shown, {160, 320, 20, 40}), 200);  // in a picture of twice the resolution
  EXPECT_EQ(mean_of(shown, {100, 320, 60, 40}), 0);
}

TEST(OverlayTest, AWordThatLooksEverywhereIsBrightEverywhere) {
  const Geometry geometry({300, 300}, 260, Resize::squash);
  const WordMap everywhere{"", cv::Mat(9, 9, CV_32F, cv::Scalar(1 / 81.0))};
  const cv::Mat shown = picture_of(draw_word(plain({300, 300}, 100), geometry, everywhere, {}), {300, 300});
  double least, most;
  cv::minMaxLoc(shown.reshape(1), &least, &most);
  EXPECT_GE(least, 100);
  EXPECT_LE(most - least, 1);
}

TEST(OverlayTest, AMapOfZerosIsDark) {
  const Geometry geometry({300, 300}, 260, Resize::squash);
  const cv::Mat shown = draw_word(plain({300, 300}, 100), geometry, {"", cv::Mat(9, 9, CV_32F, cv::Scalar(0))}, {});
  EXPECT_NEAR(mean_of(shown, {100, 100, 100, 100}), 35, 1);
}

TEST(OverlayTest, APageHasThePictureAndATileAWordInTheirPlaces) {
  const cv::Size size(400, 300);
  const Geometry geometry(size, 260, Resize::squash);
  cv::Mat picture = plain(size, 90);
  std::vector<WordMap> words;
  for (int i = 0; i < 7; ++i) words.push_back(word_at("word", 7, i + 1));
  OverlayOptions options;
  options.tile = 200, options.columns = 4;
  const cv::Mat page = draw_page(picture, geometry, words, "", options);
  const int gap = 6, margin = 18, width = 200, height = 150;           // eight tiles of 200x150 in two rows of four
  const int line = (page.rows - gap - margin - 2 * height - gap) / 2;  // that a word stands in
  ASSERT_EQ(page.size(), cv::Size(4 * width + 3 * gap + 2 * margin, 2 * (height + line) + 2 * gap + margin));
  EXPECT_NEAR(line, 24, 4);
  const auto tile = [&](int i) {
    const cv::Point corner(margin + i % 4 * (width + gap), gap + line + i / 4 * (height + line + gap));
    return cv::Mat(page(cv::Rect(corner, cv::Size(width, height))));
  };
  EXPECT_EQ(cv::norm(tile(0), plain({width, height}, 90), cv::NORM_INF), 0);
  for (int i = 1; i < 8; ++i) {
    cv::Mat grey;
    cv::cvtColor(tile(i), grey, cv::COLOR_BGR2GRAY);
    cv::Point brightest;
    cv::minMaxLoc(grey, nullptr, nullptr, nullptr, &brightest);
    EXPECT_NEAR(brightest.x, (i + 0.5) * width / 9, 6) << i;
    EXPECT_NEAR(brightest.y, 7.5 * height / 9, 6) << i;
  }
}

TEST(OverlayTest, OtherMapsOfAWordStandUnderItsTileOnAnyGrid) {
  const Geometry geometry({400, 300}, 260, Resize::squash);
  const cv::Mat picture = plain({400, 300}, 90);
  std::vector<WordMap> words;
  MapRow coarse{"the first row", {}}, fine{"the second row", {}};
  for (int i = 0; i < 7; ++i) {
    words.push_back(word_at("word", 7, i + 1));
    coarse.maps.push_back(word_at("below", 5, 7 - i));
    fine.maps.push_back(word_at("", 20 + i, 30, 48));
  }
  OverlayOptions options;
  options.tile = 200, options.columns = 4;
  const cv::Mat page = draw_page(picture, geometry, words, "", options, {coarse, fine});
  const int gap = 6, margin = 18, width = 200, height = 150;  // three tiles a word, the last without a name
  const int named = (page.rows - gap - margin - 2 * (3 * height + gap) - 3 * gap) / 4,
            block = 2 * named + 3 * height + 4 * gap;
  ASSERT_EQ(page.size(), cv::Size(4 * width + 3 * gap + 2 * margin, 2 * block - 2 * gap + margin));
  const auto tile = [&](int i, int line) {
    const int above[] = {named, 2 * named, 2 * named + gap};
    const cv::Point corner(margin + i % 4 * (width + gap), gap + i / 4 * block + line * height + above[line]);
    return cv::Mat(page({corner, cv::Size(width, height)}));
  };
  for (int i = 1; i < 8; ++i) {
    const auto brightest = [&](int line) {
      cv::Mat grey;
      cv::cvtColor(tile(i, line), grey, cv::COLOR_BGR2GRAY);
      cv::Point place;
      cv::minMaxLoc(grey, nullptr, nullptr, nullptr, &place);
      return place;
    };
    EXPECT_NEAR(brightest(0).x, (i + 0.5) * width / 9, 6) << i;
    EXPECT_NEAR(brightest(1).x, (8.5 - i) * width / 9, 6) << i;
    EXPECT_NEAR(brightest(1).y, 5.5 * height / 9, 6) << i;
    EXPECT_NEAR(brightest(2).x, 30.5 * width / 48, 3) << i;
    EXPECT_NEAR(brightest(2).y, (19.5 + i) * height / 48, 3) << i;
  }
  double darkest = 0;
  for (const int line : {1, 2}) {  // the title, on paper
    cv::minMaxLoc(tile(0, line).reshape(1), &darkest, nullptr);
    EXPECT_LT(darkest, 60) << line;
    EXPECT_GT(mean_of(tile(0, line), {0, 0, width, height}), 200) << line;
  }
}

TEST(OverlayTest, TextNeverStandsOnThePicture) {  // wherever the peak is, and however long the word
  const cv::Size size(400, 300);
  const Geometry geometry(size, 260, Resize::squash);
  for (const char* style : {"glow", "heat", "contour", "spotlight"}) {
    OverlayOptions options;
    options.style = style;
    for (const auto& [row, col] : std::vector<std::pair<int, int>>{{0, 0}, {0, 8}, {8, 0}, {8, 8}, {4, 4}})
      for (const char* text : {"a", "electroencephalographically electroencephalographically"}) {
        const WordMap word = word_at(text, row, col);
        const auto lit = [&](cv::Size shown) {
          return lay_over(plain(shown, 120), light_of(word.attention, geometry, shown, options.smoothing), options);
        };
        const cv::Mat drawn = draw_word(plain(size, 120), geometry, word, options);
        EXPECT_EQ(cv::norm(picture_of(drawn, size), lit(size), cv::NORM_INF), 0) << style << text;
        double darkest;
        cv::minMaxLoc(drawn.rowRange(0, drawn.rows - size.height).clone().reshape(1), &darkest, nullptr);
        EXPECT_LT(darkest, 60);  // the word, on paper
        const cv::Mat page = draw_page(plain(size, 120), geometry, {word}, "", options);
        const cv::Rect first = place_of(page, cv::Scalar::all(120));
        const cv::Mat tile = page(cv::Rect(first.x + 256 + 8, first.y, 256, 192));
        EXPECT_EQ(cv::norm(tile, lit({256, 192}), cv::NORM_INF), 0) << style << text;
      }
  }
}

TEST(OverlayTest, StripsAndTinyPicturesKeepTheirProportions) {
  const cv::Scalar colour(0, 0, 255);
  for (const cv::Size size : {cv::Size(1000, 50), cv::Size(50, 1000), cv::Size(200, 10), cv::Size(10, 200),
                              cv::Size(8, 8), cv::Size(8, 5), cv::Size(3, 4), cv::Size(400, 300)}) {
    const cv::Mat picture(size, CV_8UC3, colour);
    const Geometry geometry(size, 260, Resize::squash);
    const double shape = double(size.width) / size.height;
    for (const int tile : {64, 256}) {
      OverlayOptions options;
      options.tile = tile, options.style = "heat", options.alpha = 0;
      const std::vector<WordMap> words(3, word_at("dog", 4, 4));
      const cv::Mat page = draw_page(picture, geometry, {}, "", options);
      const cv::Rect place = place_of(page, colour);
      EXPECT_NEAR(place.width / shape, place.height, 0.5 + 0.5 / shape) << size << tile;
      EXPECT_GE(std::max(place.width, place.height), tile);
      EXPECT_GE(std::min(place.width, place.height), tile / 7) << size;
      EXPECT_LE(std::max(place.width, place.height), 3 * tile);
      const cv::Mat whole = draw_page(picture, geometry, words, "", options);
      EXPECT_LE(whole.cols, options.columns * (tile + tile / 32 + 4) + tile);
      const cv::Rect drawn = place_of(draw_word(picture, geometry, words[0], options), colour);
      EXPECT_NEAR(drawn.width / shape, drawn.height, 0.5 + 0.5 / shape) << size << tile;
    }
  }
}

TEST(OverlayTest, OneScaleAPageMakesWordsComparable) {
  const Geometry geometry({300, 300}, 260, Resize::squash);
  WordMap strong = word_at("strong", 4, 4), weak = word_at("weak", 4, 4);
  weak.attention = weak.attention * 0.5f + cv::Scalar(0.5 / 81);
  OverlayOptions options;
  options.smoothing = 0;
  EXPECT_EQ(full_weight({weak, strong}, geometry, options), 0);
  options.scale = "page";
  const double full = full_weight({weak, strong}, geometry, options);
  EXPECT_NEAR(full, 1, 1e-6);
  const auto at_peak = [&](const WordMap& word, double most) {
    return mean_of(picture_of(draw_word(plain({300, 300}, 50), geometry, word, options, most), {300, 300}),
                   {140, 140, 20, 20});
  };
  EXPECT_NEAR(at_peak(strong, full), at_peak(weak, 0), 1);
  EXPECT_LT(at_peak(weak, full), at_peak(weak, 0) - 30);
  // The page's legend has one end: it is narrower than "each word's peak".
  options.style = "heat";
  const auto legend = [&](const char* scale) {
    options.scale = scale;
    cv::Mat page = draw_page(plain({300, 300}, 50), geometry, {weak, strong}, "", options), grey, dark;
    cv::cvtColor(page.rowRange(page.rows - 44, page.rows), grey, cv::COLOR_BGR2GRAY);
    cv::inRange(grey, 0, 200, dark);
    return cv::boundingRect(dark).width;
  };
  EXPECT_LT(legend("page"), legend("word") - 40);
}

TEST(OverlayTest, ContoursAreNamed) {  // each level's colour stands in the legend
  const Geometry geometry({300, 300}, 260, Resize::squash);
  OverlayOptions options;
  options.style = "contour";
  const cv::Mat page = draw_page(plain({300, 300}, 128), geometry, {word_at("dog", 4, 4)}, "", options);
  for (const float level : kContourLevels) {
    const cv::Mat sample = contour_sample({32, 16}, level, options.alpha);
    const cv::Vec3b colour = sample.at<cv::Vec3b>(8, 16);
    cv::Mat same;
    cv::inRange(page.rowRange(page.rows - 44, page.rows), colour, colour, same);
    EXPECT_GT(cv::countNonZero(same), 20) << level;
  }
}

TEST(OverlayTest, EveryShapeOfPictureGivesAPageOfASensibleSize) {
  for (const auto size :
       {cv::Size(1, 1), cv::Size(1, 20000), cv::Size(20000, 1), cv::Size(30, 2000), cv::Size(97, 96)}) {
    const Geometry geometry(size, 260, Resize::squash);
    const std::vector<WordMap> words(3, word_at("electroencephalographically", 4, 4));
    for (const int tile : {64, 256}) {
      OverlayOptions options;
      options.tile = tile;
      const cv::Mat page = draw_page(plain(size, 120), geometry, words, "a very odd picture", options);
      EXPECT_LE(page.cols, 6 * tile) << size;
      EXPECT_LE(page.rows, 6 * tile) << size;
      EXPECT_GE(std::min(page.cols, page.rows), tile / 4) << size;
      const cv::Mat one = draw_word(plain(size, 120), geometry, words[0], options);
      EXPECT_GE(one.cols, tile / 4) << size;
    }
  }
}

TEST(OverlayTest, APageWithoutWordsIsThePicture) {
  const Geometry geometry({100, 100}, 260, Resize::squash);
  const cv::Mat page = draw_page(plain({100, 100}, 50), geometry, {}, "", {});
  EXPECT_EQ(page.size(), cv::Size(256 + 48, 256 + 48));
  EXPECT_EQ(mean_of(page, {24, 24, 256, 256}), 50);
}

TEST(OverlayTest, LongCaptionsWrapWithinThePage) {
  const Geometry geometry({100, 100}, 260, Resize::squash);
  std::string caption;
  for (int i = 0; i < 30; ++i) caption += "word ";
  const cv::Mat short_page = draw_page(plain({100, 100}, 50), geometry, {}, "word", {});
  const cv::Mat long_page = draw_page(plain({100, 100}, 50), geometry, {}, caption, {});
  EXPECT_EQ(long_page.cols, short_page.cols);
  EXPECT_GT(long_page.rows, short_page.rows + 100);
  const double paper = long_page.at<cv::Vec3b>(0, 0)[0];
  EXPECT_EQ(mean_of(long_page, {long_page.cols - 20, 0, 20, long_page.rows - 300}), paper);  // the margin stays free
}

TEST(TypefaceTest, MeasuresWhatItDraws) {
  for (const std::string text : {"dog", "Wagen", "a long sentence of words", "Straße", "собака", "σκύλος"}) {
    cv::Mat page = plain({600, 80}, 255);
    draw_text(page, {10, 50}, text, 24, cv::Scalar::all(0));
    cv::Mat grey;
    cv::cvtColor(page, grey, cv::COLOR_BGR2GRAY);
    const cv::Rect drawn = cv::boundingRect(255 - grey);
    EXPECT_NEAR(drawn.width, text_width(text, 24), 5) << text;
    EXPECT_NEAR(drawn.x, 10, 3) << text;
  }
  EXPECT_EQ(text_width("", 24), 0);
  EXPECT_LT(text_width("é", 24), text_width("ee", 24));  // one letter, not two bytes
}

TEST(TypefaceTest, BrokenUtf8AndTextBeyondThePictureAreHarmless) {
  cv::Mat page = plain({40, 20}, 255);
  for (const std::string text : {"\xff", "a\xe2\x82", "\xf0\x9f\x98\x80", "\x80\x80", "\xc3", "日本"})
    for (const int x : {-30, 0, 35})
      for (const int y : {-5, 10, 40}) draw_text(page, {x, y}, text, 18, cv::Scalar::all(0));
  EXPECT_EQ(text_width("\xff", 20), text_width("\xef\xbf\xbd", 20));
  EXPECT_EQ(text_width("\xe2\x82z", 20), 2 * text_width("\xff", 20) + text_width("z", 20));
}

TEST(WritePictureTest, TheExtensionDecidesTheFormat) {
  const TemporaryFolder folder;
  const cv::Mat picture = attend::testing::gradient(40, 30);
  for (const auto* name : {"a.png", "a.JPG", "a.jpeg", "a.webp", "\xff.png"}) {
    write_picture(folder.path() / name, picture);
    EXPECT_LE(cv::norm(read_picture(folder.path() / name).pixels, picture, cv::NORM_L1) /
                  static_cast<double>(3 * picture.total()),
              3);
  }
}

TEST(WritePictureTest, RefusesWhatItCannotWriteAndLeavesNothing) {
  const TemporaryFolder folder;
  const cv::Mat picture = plain({10, 10}, 0);
  EXPECT_THROW(write_picture(folder.path() / "a.bmp", picture), UsageError);
  EXPECT_THROW(write_picture(folder.path() / "a", picture), UsageError);
  EXPECT_THROW(write_picture(folder.path() / "missing" / "a.png", picture), Error);
  EXPECT_THROW(write_picture(folder.path() / "a.jpg", plain({70000, 1}, 0)), Error);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

}  // namespace
}  // namespace attend
