// Captions that must say, mustn't say, or must differ, through the program.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "app/run_command.h"
#include "app/tiny_model.h"
#include "vision/picture_files.h"

namespace attend::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

const fs::path kSamples = ATTEND_SOURCE_DIR "/data/samples";

class BeamsCommand : public ::testing::Test {
 protected:
  std::string at(const std::string& name) const { return (folder_.path() / name).string(); }
  std::string picture(const std::string& name = "a.jpg") const {
    return folder_.write(name, encoded(".jpg", gradient(90, 60))).string();
  }
  /// The words of every caption of a record.
  static std::vector<std::vector<std::string>> captions_of(const Json& record) {
    std::vector<std::vector<std::string>> captions;
    const auto add = [&](const Json& one) {
      auto& words = captions.emplace_back();
      for (const auto& word : one["words"]) words.push_back(word["word"]);
    };
    add(record);
    if (record.contains("alternatives"))
      for (const auto& one : record["alternatives"]) add(one);
    return captions;
  }

  TemporaryFolder folder_;
};

TEST_F(BeamsCommand, EveryCaptionOfTheSamplesHasADog) {
  const auto run = attend_command({"caption", kSamples.string(), "--must", "dog", "--must-not", "man", "--n-best", "2",
                                   "--format", "jsonl", "--quiet"});
  ASSERT_EQ(run.status, 0) << run.err;
  EXPECT_THAT(run.out_lines(), SizeIs(14));
  for (const auto& line : run.out_lines()) {
    const auto captions = captions_of(Json::parse(line));
    EXPECT_THAT(captions, SizeIs(2));
    for (const auto& words : captions) {
      EXPECT_THAT(words, ::testing::AnyOf(Contains("dog"), Contains("dogs")));
      EXPECT_THAT(words, AllOf(Not(Contains("man")), Not(Contains("men"))));
    }
  }
}

TEST_F(BeamsCommand, PhrasesHoldInEveryAlternativeWhateverThePrecisionAttentionAndNumberOfModels) {
  const std::string file = picture();
  TinyModel model;
  model.edit("options", [](Json& options) { options["attention"]["kind"] = "hard"; });
  const std::string bytes = model.bytes(),
                    hard = folder_.write("hard.safetensors", {bytes.begin(), bytes.end()}).string();
  const std::vector<std::vector<std::string>> ways{{"--model", ATTEND_TINY_MODEL, "--precision", "fp32"},
                                                   {"--model", ATTEND_TINY_MODEL, "--precision", "bf16"},
                                                   {"--model", ATTEND_TINY_MODEL, "--precision", "int8"},
                                                   {"--model", ATTEND_TINY_MODEL, "--beam-width", "1"},
                                                   {"--model", hard, "--locations", "argmax"},
                                                   {"--model", hard, "--locations", "sampled"},
                                                   {"--model", ATTEND_TINY_MODEL, "--model", ATTEND_WIDE_MODEL}};
  for (const auto& way : ways) {
    std::vector<std::string> arguments{"caption",    file, "--must",   "red circle", "--must",    "Dogs",
                                       "--must-not", "a",  "--format", "jsonl",      "--threads", "1"};
    if (!std::count(way.begin(), way.end(), "--beam-width")) arguments.insert(arguments.end(), {"--n-best", "3"});
    arguments.insert(arguments.end(), way.begin(), way.end());
    const auto run = attend_command(arguments);
    ASSERT_EQ(run.status, 0) << run.err;
    for (const auto& words : captions_of(Json::parse(run.out))) {
      EXPECT_THAT(words, AllOf(Contains("dog"), Not(Contains("a"))));
      const std::vector<std::string> phrase{"red", "circle"};
      EXPECT_NE(std::search(words.begin(), words.end(), phrase.begin(), phrase.end()), words.end());
    }
  }
}

TEST_F(BeamsCommand, GroupsMakeTheAlternativesDiffer) {
  const auto run = with_model({"caption", picture(), "--beam-width", "4", "--n-best", "4", "--beam-groups", "4",
                               "--diversity", "50", "--format", "jsonl", "--overlay", at("pages")});
  ASSERT_EQ(run.status, 0) << run.err;
  std::set<std::string> first;
  for (const auto& words : captions_of(Json::parse(run.out))) first.insert(words.front());
  EXPECT_THAT(first, SizeIs(4));
  EXPECT_TRUE(fs::exists(at("pages/a.jpg")));
}

TEST_F(BeamsCommand, ACaptionThatCannotSayItAllIsRefusedInOneLine) {
  const auto run =
      with_model({"caption", picture("a.jpg"), picture("b.jpg"), "--must", "dog dog", "--no-repeat-ngram", "1"});
  EXPECT_EQ(run.status, 1);
  EXPECT_EQ(run.out, "");
  EXPECT_THAT(run.err_lines(), SizeIs(3)) << run.err;
  EXPECT_THAT(run.err, HasSubstr("a.jpg: no caption of at most 6 words was found that says all of decode.must"));
  const auto bad = folder_.write("bad.jpg", {'x'}).string();
  EXPECT_EQ(with_model({"caption", bad, "--ignore-bad"}).status, 0);
  EXPECT_EQ(
      with_model({"caption", bad, picture("a.jpg"), "--ignore-bad", "--must", "dog dog", "--no-repeat-ngram", "1"})
          .status,
      1);  // it can be read
}

TEST_F(BeamsCommand, WhatIsNeverSaidAnywayIsRemarkedOn) {
  const auto run = with_model({"caption", picture(), "--must-not", "zebra"});
  EXPECT_EQ(run.status, 0);
  EXPECT_THAT(run.err_lines(), SizeIs(1)) << run.err;
  EXPECT_THAT(run.err, HasSubstr("decode.must_not: " ATTEND_TINY_MODEL " never says \"zebra\" anyway"));
}

TEST_F(BeamsCommand, WhatCannotBeIsRefusedBeforeAnyPictureIsRead) {
  const std::string broken = folder_.write("broken.jpg", {}).string();
  const std::vector<std::pair<std::vector<std::string>, std::string>> mistakes{
      {{"--must", "dgo"}, "decode.must: \"dgo\" is no word that " ATTEND_TINY_MODEL " can say; the nearest: \"dog\""},
      {{"--must", "a red circle above a blue square"}, "decode.must: 7 words must be said, above decode.max_length 6"},
      {{"--must", "dog", "--must-not", "dogs"},
       "decode.must: \"dog\" can't be said without what decode.must_not forbids"},
      {{"--must", "..."}, "decode.must: \"...\" has no word in it"},
      {{"--beam-groups", "2", "--diversity", "1", "--n-best", "2"},
       "decode.beam_groups 2 doesn't divide decode.beam_width 3"},
      {{"--beam-groups", "3", "--n-best", "2"}, "needs decode.diversity above 0"},
      {{"--beam-groups", "3", "--diversity", "1"}, "needs decode.n_best of 2 or more"},
      {{"--diversity", "1"}, "decode.diversity needs decode.beam_groups of 2 or more"},
      {{"--diversity", "-1"}, "--diversity: -1 is not allowed"}};
  for (const auto& [options, says] : mistakes) {
    std::vector<std::string> arguments{"caption", broken};
    arguments.insert(arguments.end(), options.begin(), options.end());
    const auto run = with_model(arguments);
    EXPECT_EQ(run.status, 2) << says;
    EXPECT_EQ(run.out, "");
    EXPECT_THAT(run.err_lines(), SizeIs(1)) << run.err;
    EXPECT_THAT(run.err, HasSubstr(says));
  }
}

TEST_F(BeamsCommand, EvaluateSaysHowAlikeTheNBestAre) {
  for (int i = 0; i < 3; ++i) picture("images/" + std::to_string(i) + ".jpg");
  const std::string text = R"({"images": [{"id": 0, "file_name": "0.jpg"}, {"id": 1, "file_name": "1.jpg"}],
      "annotations": [{"image_id": 0, "caption": "A dog on grass."}, {"image_id": 1, "caption": "A red circle"}]})";
  const auto captions = folder_.write("captions.json", {text.begin(), text.end()}).string();
  const auto figures = [&](std::vector<std::string> options) {
    std::vector<std::string> arguments{"evaluate",   "--captions", captions,      "--images",
                                       at("images"), "--json",     "--resamples", "0"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    const auto run = with_model(arguments);
    EXPECT_EQ(run.status, 0) << run.err;
    return Json::parse(run.out);
  };
  EXPECT_FALSE(figures({}).contains("self_bleu_4"));
  const Json plain = figures({"--n-best", "3"});
  const Json diverse = figures({"--n-best", "3", "--beam-groups", "3", "--diversity", "50"});
  EXPECT_GT(plain["self_bleu_4"].get<double>(), diverse["self_bleu_4"].get<double>());
}

}  // namespace
}  // namespace attend::testing
