#include "data/results.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "base/files.h"
#include "data/temporary_folder.h"

namespace attend {
namespace {

TEST(Results, ComeBackAsTheyWereWritten) {
  const TemporaryFolder folder;
  const std::vector<Result> results{{7, "a dog"}, {0, "\"quoted\" \\ ünïcode"}, {INT64_MAX, ""}};
  write_results(folder / "results.json", results);
  const auto read = read_results(folder / "results.json");
  ASSERT_EQ(read.size(), 3u);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(read[i].image_id.json(), results[i].image_id.json());
    EXPECT_EQ(read[i].caption, results[i].caption);
  }
  EXPECT_THAT(read_file(folder / "results.json"),
              ::testing::StartsWith("[\n{\"image_id\":7,\"caption\":\"a dog\"},\n"));
}

TEST(Results, TakeIdsAsPeopleWriteThem) {
  const TemporaryFolder folder;
  const auto file =
      folder.write("results.json", R"([{"image_id": "42", "caption": "a"}, {"image_id": 7.0, "caption": "b"},
      {"image_id": "COCO_val2014_000000000043", "caption": "c"}])");
  const auto read = read_results(file);
  ASSERT_EQ(read.size(), 3u);
  EXPECT_EQ(read[0].image_id.number, 42);
  EXPECT_EQ(read[1].image_id.number, 7);
  EXPECT_EQ(read[2].image_id.text, "COCO_val2014_000000000043");
  EXPECT_EQ(read[2].image_id.number, -1);
}

TEST(Results, AreKnownByTheirFirstEntry) {
  const TemporaryFolder folder;
  const auto known = [&](const std::string& text) { return is_results(folder.write("results.json", text)); };
  EXPECT_TRUE(known(" [\n {\"image_id\": 42, \"caption\": \"a dog\"}, …"));
  EXPECT_FALSE(known(R"([{"image_id": 42, "caption": "a dog", "file_name": "42.jpg"}])"));  // a data set
  EXPECT_FALSE(known(R"({"images": [{"id": 42}], "annotations": [{"image_id": 42, "caption": "a dog"}]})"));
  EXPECT_FALSE(known(R"({"image_id": 42, "caption": "a dog"})"));
  EXPECT_FALSE(known("[]"));
  EXPECT_FALSE(known(""));
  EXPECT_FALSE(is_results(folder / "none.json"));
}

TEST(PictureIndex, KnowsNumbersInNamesWhereNoPictureHasAnId) {
  PictureIndex index;
  index.add_name("a/COCO_val2014_000000000042.jpg", 0);
  index.add_name("a/000000000043.jpg", 1);
  index.add_name("a/44.png", 2);
  index.add_name("b/44.png", 3);
  index.add_name("dog 45.jpg", 4);
  EXPECT_EQ(index.find(42), 0);
  EXPECT_EQ(index.find(43), 1);
  EXPECT_EQ(index.find(44), std::nullopt);  // of two
  EXPECT_EQ(index.find(45), std::nullopt);
  index.add(7, 1);
  EXPECT_EQ(index.find(7), 1);
  EXPECT_EQ(index.find(42), std::nullopt);  // ids are other numbers
}

TEST(Results, MayBeNone) {
  const TemporaryFolder folder;
  write_results(folder / "results.json", {});
  EXPECT_TRUE(read_results(folder / "results.json").empty());
}

TEST(Results, OfWrongFormAreRefusedWithTheirPlace) {
  const TemporaryFolder folder;
  const auto error = [&](const std::string& text) -> std::string {
    try {
      read_results(folder.write("results.json", text));
    } catch (const InputError& fault) {
      return fault.what();
    }
    return "no error";
  };
  const std::string sound = "[{\"image_id\": 7, \"caption\": \"a\"}, ";
  EXPECT_THAT(error("{}"), ::testing::HasSubstr("results.json: a list"));
  EXPECT_THAT(error(sound + "3]"), ::testing::HasSubstr("results.json: [1]: no object"));
  EXPECT_THAT(error(sound + "{\"caption\": \"a\"}]"), ::testing::HasSubstr("[1].image_id"));
  EXPECT_THAT(error(sound + "{\"image_id\": -1, \"caption\": \"a\"}]"), ::testing::HasSubstr("[1].image_id"));
  EXPECT_THAT(error(sound + "{\"image_id\": 1.5, \"caption\": \"a\"}]"), ::testing::HasSubstr("[1].image_id"));
  EXPECT_THAT(error(sound + "{\"image_id\": 9223372036854775808, \"caption\": \"a\"}]"),
              ::testing::HasSubstr("[1].image_id"));
  EXPECT_THAT(error(sound + "{\"image_id\": 8, \"caption\": null}]"), ::testing::HasSubstr("[1].caption"));
  EXPECT_THAT(error(sound + "{\"image_id\": 7, \"caption\": \"b\"}]"), ::testing::HasSubstr("7 has a caption already"));
  EXPECT_THAT(error(sound + "{\"image_id\": \"07\", \"caption\": \"b\"}]"),
              ::testing::HasSubstr("07 has a caption already"));
  EXPECT_THAT(error(sound), ::testing::HasSubstr("results.json:1:"));
}

}  // namespace
}  // namespace attend
