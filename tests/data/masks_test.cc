#include "data/masks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "base/error.h"
#include "data/temporary_folder.h"

namespace attend {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string captions_file(const std::string& size, const std::string& counts, const std::string& words = "[1, 2]") {
  return "{\"annotations\": [{\"image_id\": 5, \"objects\": [{\"words\": " + words +
         ", \"segmentation\": {\"size\": " + size + ", \"counts\": " + counts + "}}]}]}";
}

TEST(Masks, AreRunLengthsColumnByColumnAsInCoco) {
  // pycocotools: mask.decode(mask.frPyObjects({'size': [2, 3], 'counts': [1, 3, 2]}, 2, 3)) = [[0, 1, 0], [1, 1, 0]]
  const cv::Mat mask = (cv::Mat_<uint8_t>(2, 3) << 0, 255, 0, 255, 255, 0);
  EXPECT_EQ(encode_mask(mask).dump(), "{\"size\":[2,3],\"counts\":[1,3,2]}");
  const TemporaryFolder folder;
  const auto masks = read_masks(folder.write("c.json", captions_file("[2, 3]", "[1, 3, 2]")));
  ASSERT_EQ(masks.at(5).size(), 1u);
  EXPECT_THAT(masks.at(5)[0].words, ElementsAre(1, 2));
  EXPECT_EQ(cv::norm(masks.at(5)[0].mask, mask, cv::NORM_INF), 0);
}

TEST(Masks, BeginWithAnEmptyRunWhenTheFirstPixelIsOn) {
  EXPECT_EQ(encode_mask(cv::Mat(2, 2, CV_8UC1, cv::Scalar(255)))["counts"].dump(), "[0,4]");
  EXPECT_EQ(encode_mask(cv::Mat::zeros(2, 2, CV_8UC1))["counts"].dump(), "[4]");
}

TEST(Masks, ComeBackAsTheyWereEncoded) {
  const TemporaryFolder folder;
  std::mt19937 generator(1);
  for (int round = 0; round < 50; ++round) {
    cv::Mat mask(1 + static_cast<int>(generator() % 20), 1 + static_cast<int>(generator() % 20), CV_8UC1);
    for (int i = 0; i < mask.rows * mask.cols; ++i) mask.data[i] = generator() % 3 == 0 ? 255 : 0;
    const Json encoded = encode_mask(mask);
    const auto masks =
        read_masks(folder.write("c.json", captions_file(encoded["size"].dump(), encoded["counts"].dump())));
    EXPECT_EQ(cv::norm(masks.at(5)[0].mask, mask, cv::NORM_INF), 0);
  }
}

TEST(Masks, OfWrongFormAreRefusedWithTheirPlace) {
  const TemporaryFolder folder;
  const auto error = [&](const std::string& text) -> std::string {
    try {
      read_masks(folder.write("c.json", text));
    } catch (const InputError& fault) {
      return fault.what();
    }
    return "no error";
  };
  EXPECT_THAT(error(captions_file("[2, 3]", "[1, 3, 1]")), HasSubstr("c.json: annotations[0].counts: they don't fill"));
  EXPECT_THAT(error(captions_file("[2, 3]", "[1, 3, 3]")), HasSubstr("counts: 3 is no whole number from 0 to 2"));
  EXPECT_THAT(error(captions_file("[2, 3]", "[1, -3]")), HasSubstr("counts: -3"));
  EXPECT_THAT(error(captions_file("[2]", "[1]")), HasSubstr("size [h, w]"));
  EXPECT_THAT(error(captions_file("[100000, 3]", "[1]")), HasSubstr("size: 100000"));
  EXPECT_THAT(error(captions_file("[2, 3]", "\"a4c\"")), HasSubstr("counts"));
  EXPECT_THAT(error(captions_file("[2, 3]", "[6]", "[1.5]")), HasSubstr("words: 1.5"));
  EXPECT_THAT(error("{\"annotations\": [{\"image_id\": 5, \"caption\": \"a\"}]}"), HasSubstr("no \"objects\""));
  EXPECT_THAT(error("{\"annotations\": [5]}"), HasSubstr("annotations[0]: no \"image_id\""));
  EXPECT_THAT(error("[]"), HasSubstr("no \"annotations\""));
  EXPECT_THAT(error("{\"annotations\": [{\"image_id\": 5, \"objects\": []}, {\"image_id\": 5, \"objects\": []}]}"),
              HasSubstr("annotations[1].image_id: 5 has objects already"));
}

TEST(Pointing, CountsWordsWhosePeakLiesOnTheirObject) {
  cv::Mat left = cv::Mat::zeros(10, 10, CV_8UC1), right = left.clone();
  left.colRange(0, 4).setTo(255);
  right.colRange(6, 10).setTo(255);
  const std::vector<MaskedObject> objects{{left, {1, 2}}, {right, {5, 6}}};
  const std::vector<cv::Point2d> peaks{{9, 9}, {0, 0}, {4, 5}, {9, 9}, {0, 0}, {6, 0}, {9.99, 9.99}};
  Pointing pointing;
  EXPECT_EQ(pointing.share(), 0);
  add_pointing(objects, peaks, pointing);
  EXPECT_EQ(pointing.words, 4);
  EXPECT_EQ(pointing.inside, 3);  // (4, 5) is the first pixel right of the left object
  EXPECT_EQ(pointing.share(), 0.75);
}

TEST(Pointing, MissesOutsideThePictureAndWithoutAPeak) {
  const std::vector<MaskedObject> objects{{cv::Mat(10, 10, CV_8UC1, cv::Scalar(255)), {0, 1, 2, 3}}};
  Pointing pointing;
  add_pointing(objects, std::vector<cv::Point2d>{{-0.01, 5}, {5, 10}, {5, 9.99}}, pointing);
  EXPECT_EQ(pointing.words, 4);
  EXPECT_EQ(pointing.inside, 1);
}

}  // namespace
}  // namespace attend
