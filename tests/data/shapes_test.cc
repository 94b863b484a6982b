#include "data/shapes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <set>

#include "base/error.h"
#include "base/files.h"
#include "data/dataset.h"
#include "data/masks.h"
#include "data/temporary_folder.h"
#include "text/ptb_tokenizer.h"

namespace attend {
namespace {

using ::testing::HasSubstr;

const ShapesOptions small{300, 20, 30, 96, 1};

/// One small data set for all tests that only read.
class ShapesTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TemporaryFolder;
    write_shapes(*folder_ / "shapes", small);
  }
  static void TearDownTestSuite() { delete folder_; }

  static std::filesystem::path captions(const std::string& split) {
    return *folder_ / ("shapes/captions_" + split + ".json");
  }

  static std::vector<Example> examples(const std::string& split) {
    return read_captions(captions(split), *folder_ / "shapes/images", split, 0).examples;
  }

  static TemporaryFolder* folder_;
};
TemporaryFolder* ShapesTest::folder_ = nullptr;

/// File name below `folder` → bytes.
std::map<std::string, std::string> files(const std::filesystem::path& folder) {
  std::map<std::string, std::string> all;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
    if (entry.is_regular_file()) all[entry.path().lexically_relative(folder)] = read_file(entry.path());
  return all;
}

/// Whether a pixel is coloured or white: the ground is grey, at most bright grey.
bool belongs_to_an_object(cv::Vec3b bgr) {
  const auto [least, most] = std::minmax({bgr[0], bgr[1], bgr[2]});
  return most - least > 60 || least > 195;
}

/// The name of an object's colour, from its pixels.
std::string colour_of(const cv::Mat& picture, const cv::Mat& mask) {
  const cv::Scalar mean = cv::mean(picture, mask);
  const bool blue = mean[0] > 110, green = mean[1] > 110, red = mean[2] > 110;
  const std::map<std::array<bool, 3>, std::string> names{
      {{false, false, true}, "red"},   {{false, true, false}, "green"}, {{true, false, false}, "blue"},
      {{false, true, true}, "yellow"}, {{true, false, true}, "purple"}, {{true, true, true}, "white"}};
  return names.at({blue, green, red});
}

/// The name of an object's shape, from how it fills its convex hull and the circle around it.
std::string shape_of(const cv::Mat& mask) {
  std::vector<std::vector<cv::Point>> contours;
  cv::findContours(mask, contours, cv::RETR_EXTERNAL, cv::CHAIN_APPROX_NONE);
  EXPECT_EQ(contours.size(), 1u);
  std::vector<cv::Point> hull;
  cv::convexHull(contours[0], hull);
  const double area = cv::contourArea(contours[0]), solidity = area / cv::contourArea(hull);
  if (solidity < 0.7) return "star";
  if (solidity < 0.9) return "cross";
  cv::Point2f centre;
  float radius;
  cv::minEnclosingCircle(hull, centre, radius);
  const double fill = area / (CV_PI * radius * radius);
  return fill > 0.8 ? "circle" : fill > 0.52 ? "square" : "triangle";
}

cv::Point2d centre_of(const cv::Mat& mask) {
  const cv::Moments moments = cv::moments(mask, true);
  return {moments.m10 / moments.m00, moments.m01 / moments.m00};
}

/// The caption, from the picture and its masks in any order: the grammar written a second time.
std::string caption_of(const cv::Mat& picture, std::vector<MaskedObject> objects) {
  const double side = picture.cols;
  const auto phrase = [&](const MaskedObject& object) {
    return colour_of(picture, object.mask) + " " + shape_of(object.mask);
  };
  if (objects.size() == 1) {
    const double diameter = std::sqrt(cv::countNonZero(objects[0].mask) * 4 / CV_PI) / side;
    EXPECT_TRUE(diameter < 0.36 || diameter > 0.44);
    return (diameter < 0.4 ? "a small " : "a large ") + phrase(objects[0]);
  }
  std::sort(objects.begin(), objects.end(),
            [](const auto& a, const auto& b) { return centre_of(a.mask).y < centre_of(b.mask).y; });
  const auto down = [&](size_t a, size_t b) {
    return (centre_of(objects[b].mask).y - centre_of(objects[a].mask).y) / side;
  };
  const auto right = [&](size_t a, size_t b) {
    return (centre_of(objects[b].mask).x - centre_of(objects[a].mask).x) / side;
  };
  if (objects.size() == 2) {
    if (down(0, 1) > std::abs(right(0, 1))) {
      EXPECT_GT(down(0, 1), std::abs(right(0, 1)) + 0.15);
      return "a " + phrase(objects[0]) + " above a " + phrase(objects[1]);
    }
    EXPECT_GT(std::abs(right(0, 1)), down(0, 1) + 0.15);
    if (right(0, 1) < 0) std::swap(objects[0], objects[1]);
    return "a " + phrase(objects[0]) + " left of a " + phrase(objects[1]);
  }
  const bool pair_above = down(0, 1) < down(1, 2);
  EXPECT_LT(std::min(down(0, 1), down(1, 2)), 0.15);
  EXPECT_GT(std::max(down(0, 1), down(1, 2)), 0.3);
  const size_t first = pair_above ? 0 : 1;
  EXPECT_GT(std::abs(right(first, first + 1)), 0.3);
  if (right(first, first + 1) < 0) std::swap(objects[first], objects[first + 1]);
  return "a " + phrase(objects[0]) + (pair_above ? " and a " : " above a ") + phrase(objects[1]) +
         (pair_above ? " above a " : " and a ") + phrase(objects[2]);
}

TEST_F(ShapesTest, AreReadAsADatasetWithoutAFault) {
  std::set<int64_t> ids;
  for (const auto& [split, count] : {std::pair{"train", 300u}, {"val", 20u}, {"test", 30u}}) {
    EXPECT_EQ(examples(split).size(), count);
    for (const auto& example : examples(split)) {
      EXPECT_EQ(example.captions.size(), 1u);
      ids.insert(example.id.number);
    }
  }
  EXPECT_EQ(ids.size(), 350u);
}

TEST_F(ShapesTest, HaveMasksThatArePixelForPixelWhatIsPainted) {
  const auto masks = read_masks(captions("train"));
  for (const auto& example : examples("train")) {
    const cv::Mat picture = cv::imread(example.picture.string());
    ASSERT_EQ(picture.size(), cv::Size(96, 96));
    cv::Mat sum = cv::Mat::zeros(96, 96, CV_32SC1);
    for (const auto& object : masks.at(example.id.number)) cv::add(sum, 1, sum, object.mask);
    int wrong = 0;
    for (int y = 0; y < 96; ++y)
      for (int x = 0; x < 96; ++x) wrong += sum.at<int>(y, x) != belongs_to_an_object(picture.at<cv::Vec3b>(y, x));
    EXPECT_EQ(wrong, 0) << example.picture;
  }
}

TEST_F(ShapesTest, HaveTheOneCaptionTheirPictureDetermines) {
  auto masks = read_masks(captions("train"));
  std::map<size_t, int> counts;
  for (const auto& example : examples("train")) {
    auto objects = masks.at(example.id.number);
    ++counts[objects.size()];
    std::reverse(objects.begin(), objects.end());
    EXPECT_EQ(caption_of(cv::imread(example.picture.string()), objects), example.captions[0]) << example.picture;
  }
  for (size_t objects : {1, 2, 3}) EXPECT_GT(counts[objects], 30) << objects;
}

TEST_F(ShapesTest, NameEachObjectByTheWordsTheySay) {
  const auto masks = read_masks(captions("train"));
  for (const auto& example : examples("train")) {
    const cv::Mat picture = cv::imread(example.picture.string());
    const auto words = caption_tokens(example.captions[0]);
    for (const auto& object : masks.at(example.id.number)) {
      ASSERT_EQ(object.words.size(), masks.at(example.id.number).size() == 1 ? 3u : 2u);
      EXPECT_EQ(words.at(static_cast<size_t>(object.words.back())), shape_of(object.mask));
      EXPECT_EQ(words.at(static_cast<size_t>(object.words.rbegin()[1])), colour_of(picture, object.mask));
    }
  }
}

TEST_F(ShapesTest, AreHitByTheCellsOfAGrid) {
  const auto masks = read_masks(captions("train"));
  for (const auto& [id, objects] : masks)
    for (const auto& object : objects) {
      int hits = 0;
      for (int row = 0; row < 8; ++row)
        for (int col = 0; col < 8; ++col) hits += object.mask.at<uint8_t>(12 * row + 6, 12 * col + 6) != 0;
      EXPECT_GE(hits, 1) << id;
    }
}

TEST_F(ShapesTest, AreTheSameBytesForTheSameOptions) {
  write_shapes(*folder_ / "again", small);
  EXPECT_TRUE(files(*folder_ / "again") == files(*folder_ / "shapes"));
}

TEST_F(ShapesTest, KeepTheirFirstPicturesWhenThereAreMore) {
  auto more = small;
  more.train = 310;
  write_shapes(*folder_ / "more", more);
  const auto few = files(*folder_ / "shapes"), many = files(*folder_ / "more");
  for (const auto& [name, bytes] : few) {
    if (name.ends_with(".png")) {
      EXPECT_TRUE(many.at(name) == bytes) << name;
    }
  }
}

TEST_F(ShapesTest, DifferBetweenSeedsAndSplits) {
  auto other = small;
  other.seed = 2;
  write_shapes(*folder_ / "other", other);
  const auto one = files(*folder_ / "shapes"), two = files(*folder_ / "other");
  EXPECT_NE(one.at("images/train_00000.png"), two.at("images/train_00000.png"));
  EXPECT_NE(one.at("images/train_00000.png"), one.at("images/val_00000.png"));
}

TEST(Shapes, OfOtherSizesHaveTheirCaptionsToo) {
  const TemporaryFolder folder;
  for (int side : {64, 160}) {
    write_shapes(folder / "s", {50, 1, 1, side, 3});
    const auto masks = read_masks(folder / "s/captions_train.json");
    for (const auto& example :
         read_captions(folder / "s/captions_train.json", folder / "s/images", "train", 0).examples)
      EXPECT_EQ(caption_of(cv::imread(example.picture.string()), masks.at(example.id.number)), example.captions[0])
          << side;
  }
}

TEST(Shapes, ReplaceAnEarlierSetWhole) {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder / "s");
  write_shapes(folder / "s", {5, 2, 2, 48, 1});  // an empty folder will do
  write_shapes(folder / "s/", {3, 2, 2, 48, 1});
  EXPECT_FALSE(std::filesystem::exists(folder / "s/images/train_00003.png"));
  EXPECT_TRUE(std::filesystem::exists(folder / "s/images/train_00002.png"));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
}

TEST(Shapes, NeverReplaceAnythingElse) {
  const TemporaryFolder folder;
  folder.write("mine/letter.txt", "dear");
  folder.write("file", "dear");
  write_shapes(folder / "s", {2, 2, 2, 48, 1});
  folder.write("s/model.safetensors", "weights");
  const auto before = files(folder.path());
  for (const char* name : {"mine", "file", "s"}) {
    try {
      write_shapes(folder / name, {2, 2, 2, 48, 1});
      FAIL() << name;
    } catch (const InputError& error) {
      EXPECT_THAT(error.what(), HasSubstr((folder / name).string() + ": "));
    }
  }
  EXPECT_TRUE(files(folder.path()) == before);
}

TEST(Shapes, LeaveNothingWhereTheyCanNotBeWritten) {
  const TemporaryFolder folder;
  folder.write("file", "dear");
  EXPECT_THROW(write_shapes(folder / "file/s", {2, 2, 2, 48, 1}), Error);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
}

TEST(Shapes, AreCalledByTheNamesTheyAreGiven) {
  const TemporaryFolder folder;
  write_shapes(folder / "plain", {40, 1, 1, 48, 1});
  write_shapes(folder / "named", {40, 1, 1, 48, 1, {"circle=blivet", "red=frob"}});
  const auto captions = [&](const std::string& set) {
    std::string all;
    for (const auto& example :
         read_captions(folder / (set + "/captions_train.json"), folder / (set + "/images"), "train", 0).examples)
      all += " " + example.captions[0] + " \n";
    return all;
  };
  std::string renamed = captions("plain");
  for (const auto& [word, name] : {std::pair<std::string, std::string>{" circle ", " blivet "}, {" red ", " frob "}}) {
    ASSERT_NE(renamed.find(word), std::string::npos);
    for (size_t at; (at = renamed.find(word)) != std::string::npos;) renamed.replace(at, word.size(), name);
  }
  EXPECT_EQ(captions("named"), renamed);
  auto plain = files(folder / "plain"), named = files(folder / "named");
  EXPECT_EQ(plain.at("images/train_00007.png"), named.at("images/train_00007.png"));
  for (const char* wrong :
       {"circle", "circle=", "oval=blivet", "circle=Blivet", "circle=two words", "circle=square", "circle=above"})
    EXPECT_THROW(write_shapes(folder / "wrong", {2, 1, 1, 48, 1, {wrong}}), UsageError) << wrong;
  EXPECT_FALSE(std::filesystem::exists(folder / "wrong"));
}

TEST(ShapesOptions, AreFlagsOnly) {
  ShapesOptions options;
  OptionList list;
  options.list(list);
  list.set_flag("picture-size", "128");
  EXPECT_EQ(options.picture_size, 128);
  EXPECT_THROW(list.set_flag("train", "0"), UsageError);
  EXPECT_TRUE(list.to_json().empty());
}

}  // namespace
}  // namespace attend
