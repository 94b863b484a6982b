#include "data/instances.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "data/temporary_folder.h"

namespace attend {
namespace {

using ::testing::HasSubstr;

const char* const kCategories =
    R"("categories": [{"id": 1, "name": "dog"}, {"id": 2, "name": "bench"}, {"id": 3, "name": "hot dog"}])";

std::string file_with(const TemporaryFolder& folder, const std::string& annotations) {
  return folder
      .write("instances.json", std::string(R"({"images": [{"id": 7, "width": 8, "height": 6}], )") + kCategories +
                                   R"(, "annotations": [)" + annotations + "]}")
      .string();
}

/// The mask of the one object that `word` names.
cv::Mat mask_of(const std::string& file, const std::string& word) {
  const Instances instances(file);
  const auto named = instances.named_by(7, {"a", word}, instances.category_words());
  EXPECT_EQ(named.size(), 1u);
  if (named.size() != 1) return {};
  EXPECT_EQ(named[0].words, std::vector<int>{1});
  return named[0].mask;
}

cv::Mat with(const cv::Rect& area) {
  cv::Mat mask = cv::Mat::zeros(6, 8, CV_8UC1);
  mask(area) = 255;
  return mask;
}

bool equal(const cv::Mat& a, const cv::Mat& b) { return a.size() == b.size() && cv::countNonZero(a != b) == 0; }

TEST(Instances, HaveTheSamePixelsAsABoxAPolygonAndRunsOfBothKinds) {
  const TemporaryFolder folder;
  const cv::Rect area(2, 1, 3, 4);
  const std::string head = R"({"image_id": 7, "category_id": 1, )";
  for (const std::string shape : {R"("bbox": [2, 1, 3, 4]})", R"("segmentation": [[2, 1, 5, 1, 5, 5, 2, 5]]})",
                                  // 13 off, 4 on, then columns of 2 off and 4 on
                                  R"("segmentation": {"size": [6, 8], "counts": [13, 4, 2, 4, 2, 4, 19]}})",
                                  // The same in COCO's text: 13, 4, 2, 4 - 4, 2 - 2, 4 - 4, 19 - 2
                                  R"("segmentation": {"size": [6, 8], "counts": "=42000a0"}})"}) {
    const auto mask = mask_of(file_with(folder, head + shape), "dog");
    EXPECT_TRUE(equal(mask, with(area))) << shape << "\n" << mask;
  }
}

TEST(Instances, OfOneCategoryAreTakenTogetherAndNamedByItsPluralToo) {
  const TemporaryFolder folder;
  const auto file = file_with(folder, R"({"image_id": 7, "category_id": 2, "bbox": [0, 0, 1, 1]},
    {"image_id": 7, "category_id": 2, "bbox": [4, 4, 2, 2]}, {"image_id": 7, "category_id": 3, "bbox": [0, 0, 8, 6]})");
  cv::Mat both = with({4, 4, 2, 2});
  both(cv::Rect(0, 0, 1, 1)) = 255;
  EXPECT_TRUE(equal(mask_of(file, "benches"), both));
  const Instances instances(file);
  EXPECT_TRUE(instances.named_by(7, {"a", "dog"}, instances.category_words()).empty());  // there is none
  EXPECT_TRUE(instances.named_by(8, {"bench"}, instances.category_words()).empty());
}

TEST(Instances, AreNamedByWordsOfATable) {
  const TemporaryFolder folder;
  const Instances instances(file_with(folder, R"({"image_id": 7, "category_id": 1, "bbox": [0, 0, 1, 1]},
    {"image_id": 7, "category_id": 3, "bbox": [0, 0, 8, 6]})"));
  const auto words =
      read_category_words(folder.write("w.csv", std::string("word,category\npuppy,dog\nfood,hot dog\nfood,dog\n")));
  const auto named = instances.named_by(7, {"puppy", "eats", "food"}, words);
  ASSERT_EQ(named.size(), 2u);
  EXPECT_EQ(cv::countNonZero(named[0].mask), 1);
  EXPECT_EQ(named[1].words, std::vector<int>{2});
  EXPECT_EQ(cv::countNonZero(named[1].mask), 48);
  for (const char* table : {"word;category\r\npuppy;dog\r\n", "word\tcategory\npuppy\tdog\n"})
    EXPECT_EQ(read_category_words(folder.write("w.csv", std::string(table))).at("puppy"),
              std::vector<std::string>{"dog"});
}

TEST(Instances, ThatAreDamagedAreRefusedWithTheirPlace) {
  const TemporaryFolder folder;
  const auto fault = [&](const std::string& annotation) {
    try {
      const Instances instances(file_with(folder, annotation));
      instances.named_by(7, {"dog"}, instances.category_words());
    } catch (const InputError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_THAT(fault(R"({"image_id": 7, "category_id": 9, "bbox": [0, 0, 1, 1]})"),
              HasSubstr("annotations[0]: a category_id that no category has"));
  EXPECT_THAT(fault(R"({"image_id": 8, "category_id": 1, "bbox": [0, 0, 1, 1]})"), HasSubstr("that no image has"));
  EXPECT_THAT(fault(R"({"image_id": 7, "category_id": 1})"), HasSubstr("no segmentation and no bbox"));
  EXPECT_THAT(fault(R"({"image_id": 7, "category_id": 1, "bbox": [0, 1]})"), HasSubstr("a bbox is"));
  EXPECT_THAT(fault(R"({"image_id": 7, "category_id": 1, "segmentation": [[1, 2, 3]]})"), HasSubstr("a polygon is"));
  EXPECT_THAT(fault(R"({"image_id": 7, "category_id": 1, "segmentation": {"counts": [50]}})"), HasSubstr("don't fit"));
  EXPECT_THAT(fault(R"({"image_id": 7, "category_id": 1, "segmentation": {"counts": "~"}})"), HasSubstr("damaged"));
  EXPECT_THAT(fault(R"({"image_id": 7, "category_id": 1, "segmentation": {"counts": [1.5, "x"]}})"),
              HasSubstr("whole numbers"));
  EXPECT_THROW(read_category_words(folder.write("w.csv", std::string("a,b\n1,2\n"))), InputError);
}

}  // namespace
}  // namespace attend
