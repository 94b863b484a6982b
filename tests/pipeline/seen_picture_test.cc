#include "pipeline/seen_picture.h"

#include <gtest/gtest.h>

#include <cmath>

#include "pipeline/caption_record.h"
#include "pipeline/page_record.h"

namespace attend {
namespace {

/// A caption of two words on a grid of 2x3 cells.
SeenCaption two_words() {
  SeenCaption caption;
  caption.text = "A dog.";
  caption.words = {"a", "dog"};
  caption.word_log_probability = {-0.5, -1, -0.25};
  caption.plain_word_log_probability = {-0.25, -2, -0.25};
  caption.log_probability = -1.75;
  caption.plain_log_probability = -2.5;
  caption.attention = {{2, 3}, {0.5, 0.5, 0, 0, 0, 0, 0, 0, 0, 0, 0.25, 0.75}};
  caption.locations = {-1, 5};
  return caption;
}

SeenPicture of_a_dog() {
  SeenPicture picture;
  picture.name = "dog.jpg";
  picture.size = {300, 200};
  picture.input_size = 32;
  picture.resize = Resize::crop;
  picture.captions = {two_words()};
  return picture;
}

TEST(SeenPicture, MapsAreAWordEachRowByRow) {
  const auto maps = maps_of(two_words().attention);
  ASSERT_EQ(maps.size(), 2u);
  EXPECT_EQ(maps[0].size(), cv::Size(3, 2));
  EXPECT_EQ(maps[0].at<float>(0, 1), 0.5f);
  EXPECT_EQ(maps[1].at<float>(1, 1), 0.25f);
  EXPECT_EQ(maps[1].at<float>(1, 2), 0.75f);
}

TEST(SeenPicture, ACaptionWithoutWordsHasAGridAndNoMaps) {
  const MapStack none{{2, 3}, {}};
  EXPECT_EQ(none.size(), 0u);
  EXPECT_TRUE(maps_of(none).empty());
  EXPECT_TRUE(maps_of(MapStack()).empty());
}

TEST(SeenPicture, ALocationIsAMapOfOneCell) {
  auto caption = two_words();
  caption.locations = {0, 4};
  const auto maps = location_maps(caption);
  ASSERT_EQ(maps.size(), 2u);
  EXPECT_EQ(maps[0].at<float>(0, 0), 1);
  EXPECT_EQ(maps[1].at<float>(1, 1), 1);
  EXPECT_EQ(cv::sum(maps[1])[0], 1);
}

TEST(SeenPicture, GradientsAreScaledToSumToOneAndZerosStay) {
  auto caption = two_words();
  EXPECT_FALSE(caption.explained());
  caption.gradient = {{2, 3}, {1, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0}};
  caption.pixels = {{96, 96}, std::vector<float>(2 * 96 * 96, 3)};
  caption.rank_correlation = {0.5, std::nan("")};
  EXPECT_TRUE(caption.explained());
  const auto gradients = gradient_maps(caption), pixels = pixel_maps(caption);
  EXPECT_FLOAT_EQ(gradients[0].at<float>(0, 2), 0.5f);
  EXPECT_EQ(cv::sum(gradients[1])[0], 0);
  ASSERT_EQ(pixels.size(), 2u);
  EXPECT_EQ(pixels[0].size(), cv::Size(48, 48));  // on a grid fine enough to look at
  EXPECT_NEAR(cv::sum(pixels[0])[0], 1, 1e-5);
}

TEST(SeenPicture, TheRecordSaysAllOfIt) {
  auto picture = of_a_dog();
  picture.captions.front().confidence = 0.75;
  picture.familiar = false;
  picture.captions.push_back(two_words());
  const Json record = caption_record(picture);
  EXPECT_EQ(record["file"], "dog.jpg");
  EXPECT_EQ(record["caption"], "A dog.");
  EXPECT_EQ(record["confidence"], 0.75);
  EXPECT_EQ(record["familiar"], false);
  EXPECT_EQ(record["log_probability"], -1.75);
  EXPECT_EQ(record["plain_log_probability"], -2.5);
  EXPECT_EQ(record["grid"], Json({2, 3}));
  EXPECT_EQ(record["size"], Json({300, 200}));
  EXPECT_EQ(record["area"], Json({50.0, 0.0, 200.0, 200.0}));
  EXPECT_EQ(record["words"][1]["attention"], Json({0.0, 0.0, 0.0, 0.0, 0.25, 0.75}));
  EXPECT_FALSE(record["words"][0].contains("location"));
  EXPECT_EQ(record["words"][1]["location"], Json({1, 2}));
  EXPECT_EQ(record["alternatives"].size(), 1u);
  EXPECT_FALSE(record.contains("rank_correlation"));
}

TEST(SeenPicture, ARecordOfWhatIsNotKnownHasNull) {
  const Json record = caption_record(of_a_dog());
  EXPECT_TRUE(record["confidence"].is_null());
  EXPECT_TRUE(record["familiar"].is_null());
  EXPECT_FALSE(record.contains("alternatives"));
}

TEST(SeenPicture, NamesThatAreNoUtf8StandInTheRecordByteForByte) {
  auto picture = of_a_dog();
  picture.name = "a\xff.jpg";
  const Json record = caption_record(picture);
  EXPECT_EQ(record["file_base64"], "Yf8uanBn");
  EXPECT_NE(one_line(record).find("a\xef\xbf\xbd.jpg"), std::string::npos);
}

TEST(SeenPicture, APageHasTheAreaInSharesOfThePicture) {
  const auto page = page_record(of_a_dog());
  EXPECT_EQ(page.name, "dog.jpg");
  EXPECT_NEAR(page.area.x, 1.0 / 6, 1e-12);
  EXPECT_NEAR(page.area.width, 2.0 / 3, 1e-12);
  ASSERT_EQ(page.captions.size(), 1u);
  EXPECT_EQ(page.captions[0].maps.size(), 1u);
  EXPECT_EQ(page.captions[0].maps[0].grid, cv::Size(3, 2));
}

TEST(SeenPicture, MapFaultsAreCountedAndSaid) {
  MapFaultCount count;
  EXPECT_TRUE(count.remarks().empty());
  count.add({});
  count.add({true, false});
  count.add({true, true});
  ASSERT_EQ(count.remarks().size(), 2u);
  EXPECT_EQ(count.remarks()[0].rfind("2 of 3 captions: ", 0), 0u);
  EXPECT_EQ(count.remarks()[1].rfind("1 of 3 captions: ", 0), 0u);
}

}  // namespace
}  // namespace attend
