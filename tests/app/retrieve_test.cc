// Pictures of a text, and texts of a picture, through the program.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "app/run_command.h"
#include "vision/picture_files.h"

namespace attend::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;
using ::testing::StartsWith;

class RetrieveCommand : public ::testing::Test {
 protected:
  std::string at(const std::string& name) const { return (folder_.path() / name).string(); }
  std::string write(const std::string& name, const std::string& bytes) const {
    return folder_.write(name, {bytes.begin(), bytes.end()}).string();
  }
  /// So many pictures in the folder "in".
  std::string pictures(int count) const {
    for (int i = 0; i < count; ++i)
      folder_.write("in/" + std::to_string(i) + ".png", encoded(".png", gradient(60 + 9 * i, 50 + 5 * (i % 7))));
    return at("in");
  }
  static std::vector<Json> records(const Outcome& run) {
    std::vector<Json> list;
    for (const auto& line : run.out_lines()) list.push_back(Json::parse(line));
    return list;
  }

  TemporaryFolder folder_;
};

const std::vector<std::string> kTexts{"a red dog", "a blue circle on grass", "grass"};

TEST_F(RetrieveCommand, RanksThePicturesOfATextByItsLogProbabilityAsScoreHasIt) {
  const std::string in = pictures(8);
  const auto found = with_model({"retrieve", in, "--text", kTexts[0], "--text", kTexts[1], "--format", "jsonl",
                                 "--precision", "fp32", "--top", "8"});
  ASSERT_EQ(found.status, 0) << found.err;
  const auto lists = records(found);
  ASSERT_THAT(lists, SizeIs(2));
  const auto scored = with_model({"score", in, "--caption", kTexts[0], "--caption", kTexts[1], "--format", "jsonl",
                                  "--no-attention", "--precision", "fp32"});
  std::map<std::pair<std::string, std::string>, double> expected;
  for (const auto& one : records(scored)) expected[{one["caption"], one["file"]}] = one["plain_log_probability"];
  for (size_t t = 0; t < 2; ++t) {
    EXPECT_EQ(lists[t]["text"], kTexts[t]);
    ASSERT_THAT(lists[t]["pictures"], SizeIs(8));
    double last = 0;
    for (const auto& one : lists[t]["pictures"]) {
      const double log = one["log_probability"];
      EXPECT_NEAR(log, expected.at({kTexts[t], one["file"]}), 1e-4);
      EXPECT_LE(log, last);
      last = log;
    }
  }
}

TEST_F(RetrieveCommand, RanksTheTextsOfAPictureByTheirContrast) {
  const std::string in = pictures(5);
  const std::string texts = write("texts.txt", kTexts[0] + "\n\n" + kTexts[1] + "\r\n" + kTexts[2] + "\n");
  const auto run = with_model({"retrieve", in, "--texts", texts, "--find", "texts", "--format", "jsonl", "--precision",
                               "fp32", "--others", "100"});
  ASSERT_EQ(run.status, 0) << run.err;
  const auto lists = records(run);
  ASSERT_THAT(lists, SizeIs(5));
  std::map<std::string, std::map<std::string, double>> logs;  // text → picture → log-probability
  for (const auto& list : lists)
    for (const auto& one : list["texts"]) logs[one["text"]][list["file"]] = one["log_probability"];
  for (const auto& list : lists) {
    ASSERT_THAT(list["texts"], SizeIs(3));
    double last = 1e9;
    for (const auto& one : list["texts"]) {
      double mean = 0;
      for (const auto& [file, log] : logs[one["text"]])
        if (list["file"] != file) mean += std::exp(log) / 4;
      EXPECT_NEAR(one["contrast"].get<double>(), one["log_probability"].get<double>() - std::log(mean), 1e-3);
      EXPECT_LE(one["contrast"].get<double>(), last);
      last = one["contrast"];
    }
  }
}

TEST_F(RetrieveCommand, OfASinglePictureTextsAreRankedByTheirMeanLogProbability) {
  pictures(1);
  const auto run = with_model(
      {"retrieve", at("in/0.png"), "--text", kTexts[0], "--text", kTexts[2], "--find", "texts", "--format", "jsonl"});
  ASSERT_EQ(run.status, 0) << run.err;
  const auto lists = records(run);
  for (const auto& one : lists[0]["texts"]) {
    const double words = one["text"] == kTexts[0] ? 4 : 2;
    EXPECT_NEAR(one["contrast"].get<double>(), one["log_probability"].get<double>() / words, 1e-5);
  }
}

TEST_F(RetrieveCommand, FewCandidatesAreTheFirstStagesBest) {
  const std::string in = pictures(8);
  const auto all = with_model({"retrieve", in, "--text", kTexts[1], "--top", "2"});
  const auto two = with_model({"retrieve", in, "--text", kTexts[1], "--top", "2", "--candidates", "2"});
  ASSERT_THAT(all.out_lines(), SizeIs(2));
  ASSERT_THAT(two.out_lines(), SizeIs(2));
  EXPECT_THAT(all.out_lines()[0], StartsWith(kTexts[1] + "\t1\t" + in));
}

TEST_F(RetrieveCommand, SaysHowOftenWhatBelongsTogetherIsFound) {
  pictures(6);
  std::string lines;
  for (int i = 0; i < 6; ++i)
    lines += Json({{"file", std::to_string(i) + ".png"}, {"captions", {kTexts[static_cast<size_t>(i) % 3], "a dog"}}})
                 .dump() +
             "\n";
  const std::vector<std::string> arguments{"retrieve", "--captions", write("data.jsonl", lines),
                                           "--images", at("in"),     "--recall"};
  auto json = arguments;
  json.insert(json.end(), {"--format", "jsonl"});
  const auto run = with_model(json);
  ASSERT_EQ(run.status, 0) << run.err;
  const Json figures = Json::parse(run.out);
  EXPECT_EQ(figures["pictures"], 6);
  EXPECT_EQ(figures["texts"], 12);
  for (const char* way : {"image_from_text", "text_from_image"}) {
    EXPECT_LE(figures[way]["recall_at_1"], figures[way]["recall_at_5"]);
    EXPECT_EQ(figures[way]["among_candidates"], 1);
  }
  EXPECT_EQ(figures["image_from_text"]["recall_at_10"], 1);  // of six
  EXPECT_THAT(with_model(arguments).out, HasSubstr("text from image"));
}

TEST_F(RetrieveCommand, FindsThePicturesThatAreAlike) {
  const std::string in = pictures(5);
  folder_.write("in/again.png", encoded(".png", gradient(60, 50)));  // picture 0
  const auto run = with_model({"retrieve", in, "--find", "alike", "--top", "1", "--format", "jsonl"});
  ASSERT_EQ(run.status, 0) << run.err;
  const auto lists = records(run);
  ASSERT_THAT(lists, SizeIs(6));
  EXPECT_EQ(lists[0]["file"], at("in/0.png"));
  EXPECT_EQ(lists[0]["alike"][0]["file"], at("in/again.png"));
  EXPECT_NEAR(lists[0]["alike"][0]["likeness"].get<double>(), 1, 1e-5);
}

TEST_F(RetrieveCommand, ReportsWhatCannotBeReadAndSearchesTheRest) {
  const std::string in = pictures(2);
  write("in/bad.png", "no picture");
  const std::string texts = write("texts.txt", "a red dog\n...\nxyzzy\n" + std::string("a\0dog\n", 6));
  const auto run = with_model({"retrieve", in, "--texts", texts});
  EXPECT_EQ(run.status, 1);
  EXPECT_THAT(run.out_lines(), SizeIs(2));
  for (const char* said : {"bad.png", "texts.txt:2: ", "texts.txt:4: ", "\"xyzzy\": none of its words",
                           "4 of 7 pictures and texts failed"})
    EXPECT_THAT(run.err, HasSubstr(said));
  std::filesystem::create_directory(at("none"));
  for (const auto& nothing : {std::vector<std::string>{"retrieve", at("none"), "--text", "a dog"},
                              {"score", at("none"), "--caption", "a dog"},
                              {"compare-models", ATTEND_TINY_MODEL, ATTEND_WIDE_MODEL, at("none")}}) {
    const auto refused = nothing[0] == "compare-models" ? attend_command(nothing) : with_model(nothing);
    EXPECT_EQ(refused.status, 1) << refused.err;
    EXPECT_EQ(refused.err, "attend: " + at("none") + ": no pictures there\n");  // once
  }
  const auto refusal = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "retrieve");
    const auto refused = with_model(arguments);
    EXPECT_EQ(refused.status, 2) << refused.err;
    return refused.err;
  };
  EXPECT_THAT(refusal({in}), HasSubstr("no texts"));
  EXPECT_THAT(refusal({"--text", "a dog"}), HasSubstr("no pictures"));
  EXPECT_THAT(refusal({in, "--text", "a dog", "--recall"}), HasSubstr("needs --captions"));
  EXPECT_THAT(refusal({in, "--text", "a dog", "--find", "alike"}), HasSubstr("takes no texts"));
  const auto alone = with_model({"retrieve", in + "/0.png", "--find", "alike"});
  EXPECT_EQ(alone.status, 1);
  EXPECT_THAT(alone.err, HasSubstr("one picture alone"));
}

TEST_F(RetrieveCommand, SaysWhichWordsItDoesNotKnow) {
  const std::string in = pictures(2);
  const auto run = with_model({"retrieve", in, "--text", "a red xyzzy", "--text", "xyzzy"});
  EXPECT_EQ(run.status, 1);
  EXPECT_THAT(run.err, HasSubstr("text \"xyzzy\": none of its words"));
  EXPECT_THAT(run.err, HasSubstr("1 of 3 words (33.3 %) aren't in the model's vocabulary and were left out: xyzzy\n"));
}

TEST_F(RetrieveCommand, TakesResultsOfTheIdsThatDataSay) {
  const std::string in = pictures(2);
  const std::string results = write("results.json",
                                    R"([{"image_id": 7, "caption": "a dog"}, {"image_id": 8, "caption": "grass"}])"),
                    data = write("data.json",
                                 R"({"images": [{"id": 7, "file_name": "0.png"}, {"id": 8, "file_name": "1.png"}],
                                 "annotations": []})");
  const auto run = with_model({"retrieve", "--captions", results, "--data", data, "--images", in, "--top", "1"});
  EXPECT_EQ(run.status, 0) << run.err;
  EXPECT_EQ(run.out, with_model({"retrieve", in, "--text", "a dog", "--text", "grass", "--top", "1"}).out);
  EXPECT_EQ(with_model({"retrieve", "--captions", results}).status, 2);
  EXPECT_THAT(with_model({"retrieve", in, "--text", "a dog", "--data", data}).err, HasSubstr("--data: says the ids"));
}

TEST_F(RetrieveCommand, TakesListsOfTextsFromWindows) {
  const std::string in = pictures(2);
  const auto run = with_model({"retrieve", in, "--texts", write("marked.txt", "\xef\xbb\xbfgrass\r\n")});
  EXPECT_EQ(run.status, 0) << run.err;
  EXPECT_EQ(run.out, with_model({"retrieve", in, "--text", "grass"}).out);
  EXPECT_THAT(with_model({"retrieve", in, "--texts", write("wide.txt", std::string("\xff\xfeg\0", 4))}).err,
              HasSubstr("wide.txt: is UTF-16"));
  const auto empty = with_model({"retrieve", in, "--texts", write("empty.txt", "\n")});
  EXPECT_EQ(empty.status, 1);
  EXPECT_THAT(empty.err, HasSubstr("empty.txt: no texts in it"));
}

}  // namespace
}  // namespace attend::testing
