// Two models, or a model and another captioner's results, side by side.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/run_command.h"
#include "vision/picture_files.h"

namespace attend::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

class CompareModels : public ::testing::Test {
 protected:
  std::string at(const std::string& name) const { return (folder_.path() / name).string(); }
  std::string write(const std::string& name, const std::string& bytes) const {
    return folder_.write(name, {bytes.begin(), bytes.end()}).string();
  }
  std::string pictures() const {
    for (int i = 0; i < 3; ++i)
      folder_.write("in/" + std::to_string(i) + ".png", encoded(".png", gradient(90 + 40 * i, 60)));
    return at("in");
  }
  static Outcome compare(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "compare-models");
    arguments.insert(arguments.end(), {"--threads", "1"});
    return attend_command(arguments);
  }

  TemporaryFolder folder_;
};

TEST_F(CompareModels, AModelAgreesWithItself) {
  const auto run = compare({ATTEND_TINY_MODEL, ATTEND_TINY_MODEL, pictures()});
  ASSERT_EQ(run.status, 0) << run.err;
  ASSERT_THAT(run.out_lines(), SizeIs(3));
  for (const auto& line : run.out_lines()) EXPECT_THAT(line, StartsWith("0.000\t" + at("in")));
  EXPECT_THAT(run.err, HasSubstr("the same words for 3 of 3 pictures"));
}

TEST_F(CompareModels, SaysWhatBothSayAndWhereBothLookMostDisagreementFirst) {
  const std::string in = pictures(), page = at("both.html");
  const auto run = compare({ATTEND_TINY_MODEL, ATTEND_WIDE_MODEL, in, "--format", "jsonl", "--html", page});
  ASSERT_EQ(run.status, 0) << run.err;
  const auto alone = attend_command({"caption", "--model", ATTEND_WIDE_MODEL, "--threads", "1", in});
  double last = 1;
  for (const auto& line : run.out_lines()) {
    const Json one = Json::parse(line);
    EXPECT_LE(one["disagreement"], last);
    EXPECT_GE(one["disagreement"], 0);
    last = one["disagreement"];
    EXPECT_THAT(alone.out,
                HasSubstr(one["file"].get<std::string>() + "\t" + one["b"]["caption"].get<std::string>() + "\n"));
    for (const char* side : {"a", "b"})
      for (const auto& word : one[side]["words"]) EXPECT_TRUE(word.contains("attention"));
  }
  const std::string html = read_file(page);
  size_t pairs = 0;
  for (size_t at = html.find("class=\"pair\""); at != html.npos; at = html.find("class=\"pair\"", at + 1)) ++pairs;
  EXPECT_EQ(pairs, 3u);
  EXPECT_THAT(html, HasSubstr(std::string(ATTEND_WIDE_MODEL)));
}

TEST_F(CompareModels, TakesResultsOfAnotherCaptioner) {
  const std::string in = pictures();
  const std::string data =
      write("data.json", R"({"images": [{"id": 1, "file_name": "0.png"}, {"id": 2, "file_name": "1.png"},
    {"id": 3, "file_name": "2.png"}], "annotations": [{"image_id": 1, "caption": "a dog"}, {"image_id": 2, "caption": "a dog"},
    {"image_id": 3, "caption": "a dog"}]})");
  const std::string results =
      write("results.json", R"([{"image_id": 2, "caption": "a red dog"}, {"image_id": "0.png", "caption": "grass"}])");
  const std::string table = write("other.csv", "file,caption\r\n0.png,grass\r\n1.png,a blue circle\r\n");
  const auto run = compare({results, table, "--captions", data, "--images", in, "--model", ATTEND_TINY_MODEL});
  EXPECT_EQ(run.status, 1);
  ASSERT_THAT(run.out_lines(), SizeIs(2));
  EXPECT_THAT(run.out_lines()[0], HasSubstr("1.png\ta red dog\ta blue circle"));
  EXPECT_EQ(run.out_lines()[1], "0.000\t" + at("in/0.png") + "\tgrass\tgrass");
  EXPECT_THAT(run.err, HasSubstr("1 of 3 pictures not compared"));
}

TEST_F(CompareModels, SaysWhichWordsOfAFileTheModelDoesNotKnow) {
  const std::string in = pictures();
  const std::string table = write("other.csv", "file,caption\r\n0.png,a zebra\r\n1.png,a zebra\r\n2.png,a dog\r\n");
  const auto run = compare({table, ATTEND_TINY_MODEL, in, "--model", ATTEND_TINY_MODEL});
  EXPECT_EQ(run.status, 0) << run.err;
  EXPECT_THAT(run.err, HasSubstr(table + ": 2 of 6 words (33.3 %) aren't in the model's vocabulary and were left out: "
                                         "zebra (2)"));
  EXPECT_THAT(compare({ATTEND_TINY_MODEL, ATTEND_WIDE_MODEL, in}).err, Not(HasSubstr("vocabulary")));
}

TEST_F(CompareModels, FindsPicturesOfOneNameByTheirFoldersAndSaysWhichCaptionsAreTwice) {
  for (const char* name : {"in/a/0.png", "in/b/0.png", "in/b/1.png"})
    folder_.write(name, encoded(".png", gradient(name[3] == 'a' ? 90 : 130, 60)));
  const std::string a = at("in/a/0.png"), b = at("in/b/0.png"), other = at("in/b/1.png");
  const std::string left = write("left.txt", a + "\tgrass\n" + b + "\ta red dog\n" + other + "\tgrass\n");
  const std::string right =
      write("right.txt", a + "\tgrass\n" + b + "\tgrass\n" + other + "\tgrass\n" + b + "\ta red dog\n");
  const auto run = compare({left, right, at("in"), "--recursive", "--model", ATTEND_TINY_MODEL});
  EXPECT_EQ(run.status, 0) << run.err;
  EXPECT_THAT(run.out_lines(), ElementsAre("0.000\t" + a + "\tgrass\tgrass", "0.000\t" + b + "\ta red dog\ta red dog",
                                           "0.000\t" + other + "\tgrass\tgrass"));
  EXPECT_THAT(run.err, HasSubstr("right.txt: 1 of 4 captions for pictures that have one there already"));
  // Captions of a picture that follow one another are no less twice; a picture that is named twice is one.
  const std::string list = write("list.jsonl", Json({{"file", a}, {"captions", {"a red dog", "grass"}}}).dump() + "\n" +
                                                   Json({{"file", a}, {"caption", "a blue circle"}}).dump() + "\n");
  const auto again = compare({write("one.txt", a + "\tgrass\n"), list, a, a, "--model", ATTEND_TINY_MODEL});
  EXPECT_EQ(again.status, 0) << again.err;
  EXPECT_THAT(again.out_lines(), ElementsAre("1.000\t" + a + "\tgrass\ta blue circle"));
  EXPECT_THAT(again.err, HasSubstr("list.jsonl: 2 of 3 captions for pictures that have one there already"));
}

TEST_F(CompareModels, SaysWhichCaptionsAreOfPicturesInAnotherFolder) {
  pictures();
  std::string near, far;
  for (int i = 0; i < 3; ++i) {
    const std::string name = std::to_string(i) + ".png";
    near += (i == 0   ? "in/"
             : i == 1 ? "./in/../in/"
                      : "") +
            name + "\tgrass\n";  // the end of the picture's path, or its name
    far += (i == 0 ? at("in/") : "old/photos/") + name + "\tgrass\n";
  }
  const auto run = compare({write("near.txt", near), write("far.txt", far), at("in"), "--model", ATTEND_TINY_MODEL});
  EXPECT_EQ(run.status, 0) << run.err;
  EXPECT_THAT(run.out_lines(), SizeIs(3));
  EXPECT_THAT(run.err,
              HasSubstr("far.txt: 2 of 3 captions for pictures in another folder, found by the file's name alone: "
                        "old/photos/1.png for " +
                        at("in/1.png")));
  EXPECT_THAT(run.err, ::testing::Not(HasSubstr("near.txt")));
}

TEST_F(CompareModels, RefusesWhatCannotBe) {
  const std::string in = pictures();
  EXPECT_EQ(compare({ATTEND_TINY_MODEL}).status, 2);
  EXPECT_THAT(compare({ATTEND_TINY_MODEL, ATTEND_TINY_MODEL}).err, HasSubstr("no pictures"));
  EXPECT_THAT(compare({ATTEND_TINY_MODEL, ATTEND_TINY_MODEL, in, "--split", "val"}).err,
              HasSubstr("--split: is of the pictures of --captions"));
  EXPECT_THAT(compare({ATTEND_TINY_MODEL, ATTEND_TINY_MODEL, in, "--model", ATTEND_TINY_MODEL}).err,
              HasSubstr("both sides are models"));
  EXPECT_THAT(compare({ATTEND_TINY_MODEL, write("none.json", "[]"), in, "--model", ATTEND_TINY_MODEL}).err,
              HasSubstr("has a caption of none of the pictures"));
}

}  // namespace
}  // namespace attend::testing
