// Captions that are given, through the program.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "app/run_command.h"
#include "app/tiny_model.h"
#include "vision/picture_files.h"

namespace attend::testing {
namespace {

namespace fs = std::filesystem;
using namespace std::string_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using ::testing::StartsWith;

class ScoreCommand : public ::testing::Test {
 protected:
  std::string at(const std::string& name) const { return (folder_.path() / name).string(); }
  std::string write(const std::string& name, const std::string& bytes) const {
    return folder_.write(name, {bytes.begin(), bytes.end()}).string();
  }
  /// Three pictures in the folder "in".
  std::string pictures() const {
    for (int i = 0; i < 3; ++i)
      folder_.write("in/" + std::to_string(i) + ".jpg", encoded(".jpg", gradient(90 + 40 * i, 60)));
    return at("in");
  }
  static std::vector<Json> records(const Outcome& run) {
    std::vector<Json> list;
    for (const auto& line : run.out_lines()) list.push_back(Json::parse(line));
    return list;
  }

  TemporaryFolder folder_;
};

TEST_F(ScoreCommand, GivesCaptionsOfAttendTheLogProbabilitiesAndMapsThatAttendGaveThem) {
  const std::string in = pictures();
  const std::vector<std::string> how{"--format", "jsonl", "--precision", "fp32", "--temperature", "0.8"};
  auto caption = std::vector<std::string>{"caption", in},
       score = std::vector<std::string>{"score", "--captions", at("said.jsonl")};
  caption.insert(caption.end(), how.begin(), how.end());
  score.insert(score.end(), how.begin(), how.end());
  const auto said = with_model(caption);
  ASSERT_EQ(said.status, 0) << said.err;
  write("said.jsonl", said.out);
  const auto run = with_model(score);
  ASSERT_EQ(run.status, 0) << run.err;
  const auto before = records(said), after = records(run);
  ASSERT_EQ(after.size(), before.size());
  for (size_t i = 0; i < after.size(); ++i) {
    for (const char* same : {"file", "caption", "grid", "size", "area"}) EXPECT_EQ(after[i][same], before[i][same]);
    for (const char* near : {"log_probability", "plain_log_probability"})
      EXPECT_NEAR(after[i][near].get<double>(), before[i][near].get<double>(), 1e-5);
    ASSERT_EQ(after[i]["words"].size(), before[i]["words"].size());
    double sum = after[i]["end"]["plain_log_probability"];
    for (size_t t = 0; t < after[i]["words"].size(); ++t) {
      const Json &now = after[i]["words"][t], &then = before[i]["words"][t];
      EXPECT_EQ(now["word"], then["word"]);
      EXPECT_EQ(now["attention"], then["attention"]);
      EXPECT_NEAR(now["log_probability"].get<double>(), then["log_probability"].get<double>(), 1e-5);
      EXPECT_GE(now["rank"], 1);
      EXPECT_EQ(now["rank"] == 1, now["likeliest"] == now["word"]);
      EXPECT_GE(now["likeliest_log_probability"], now["log_probability"]);
      sum += now["plain_log_probability"].get<double>();
    }
    EXPECT_NEAR(after[i]["perplexity"].get<double>(),
                std::exp(-sum / static_cast<double>(after[i]["words"].size() + 1)), 1e-3);
    EXPECT_EQ(after[i]["unknown"], Json::array());
  }
}

TEST_F(ScoreCommand, ReadsCaptionsFromTheCommandLineFilesAndSidecarsAlike) {
  const std::string in = pictures();
  const auto expected = with_model({"score", at("in/0.jpg"), "--caption", "a red dog", "--caption", "grass"});
  ASSERT_EQ(expected.status, 0) << expected.err;
  ASSERT_THAT(expected.out_lines(), SizeIs(2));
  EXPECT_THAT(expected.out_lines()[0], StartsWith(at("in/0.jpg") + "\t"));
  EXPECT_THAT(expected.out_lines()[1], ::testing::EndsWith("\tgrass"));
  write("in/0.txt", "a red dog\ngrass\n");
  const std::vector<std::vector<std::string>> ways{
      {"--captions", write("a.jsonl", R"({"file": "0.jpg", "captions": ["a red dog", "grass"]})"), "--images", in},
      {"--captions", write("a.csv", "caption,file\r\na red dog,0.jpg\r\ngrass,0.jpg\r\n"), "--images", in},
      {"--captions", write("a.json", R"({"images": [{"id": 1, "file_name": "0.jpg"}], "annotations": [
          {"image_id": 1, "caption": "a red dog"}, {"image_id": 1, "caption": "grass"}]})"),
       "--images", in},
      {"--captions", write("list.json", R"([{"image": "0.jpg", "caption": ["a red dog", "grass"]}])"), "--images", in},
      {"--captions", write("a.txt", at("in/0.jpg") + "\ta red dog\n" + at("in/0.jpg") + "\tgrass\n")},
      {at("in/0.jpg"), "--sidecar"}};
  for (auto way : ways) {
    way.insert(way.begin(), "score");
    const auto run = with_model(way);
    EXPECT_EQ(run.status, 0) << run.err;
    EXPECT_EQ(run.out, expected.out);
  }
}

TEST_F(ScoreCommand, NamesAndCountsWordsThatTheModelDoesNotKnow) {
  pictures();
  const auto run =
      with_model({"score", at("in/0.jpg"), "--caption", "a purple dog", "--caption", "a dog", "--format", "jsonl"});
  EXPECT_EQ(run.status, 0);
  EXPECT_THAT(run.err, HasSubstr("1 of 5 words (20.0 %) aren't in the model's vocabulary and were left out: purple"));
  const auto both = records(run);
  EXPECT_EQ(both[0]["unknown"], Json({"purple"}));
  EXPECT_NEAR(both[0]["unknown_share"].get<double>(), 1.0 / 3, 1e-5);
  EXPECT_EQ(both[0]["words"], both[1]["words"]);
  EXPECT_EQ(both[0]["caption"], "a purple dog");
}

TEST_F(ScoreCommand, TakesTheNearestKnownWordsWhereAsked) {
  pictures();
  const auto score = [&](const std::string& caption, std::vector<std::string> more) {
    more.insert(more.begin(), {"score", at("in/0.jpg"), "--caption", caption, "--format", "jsonl"});
    return with_model(more);
  };
  const auto run = score("a purple zebra dogs on grasss", {"--unknown", "nearest"});
  ASSERT_EQ(run.status, 0) << run.err;
  const Json given = records(run)[0], known = records(score("a dog on grass", {}))[0];
  EXPECT_EQ(given["words"], known["words"]);
  EXPECT_EQ(given["unknown"], Json({"purple", "zebra"}));
  EXPECT_EQ(given["replaced"],
            Json::parse(R"([{"token": "dogs", "word": "dog"}, {"token": "grasss", "word": "grass"}])"));
  EXPECT_FALSE(known.contains("replaced"));
  EXPECT_THAT(run.err,
              HasSubstr("2 of 6 words (33.3 %) aren't in the model's vocabulary and were left out: purple, zebra"));
  EXPECT_THAT(run.err, HasSubstr("were taken for others that are: dogs, grasss"));
  const auto align = with_model({"align", at("in/0.jpg"), "two dogs", "--unknown", "nearest"});
  EXPECT_THAT(align.out_lines()[2], StartsWith("  dogs (dog)\t"));
}

TEST_F(ScoreCommand, ReportsWhatCannotBeScoredAndScoresTheRest) {
  const std::string in = pictures();
  write("in/bad.jpg", "no picture");
  std::string longest;
  for (int i = 0; i < 500; ++i) longest += "dog ";
  write("list.jsonl",
        "{\"file\": \"0.jpg\", \"caption\": \"a dog\"}\n"
        "{\"file\": \"0.jpg\", \"caption\": \"...\"}\n"
        "{\"file\": \"0.jpg\", \"caption\": \"a\\u0000dog\"}\n"
        "{\"file\": \"1.jpg\", \"caption\": \"\xe4\xb8\x80\xe5\x8f\xaa\xe7\x8b\x97\"}\n"
        "{\"file\": \"1.jpg\", \"caption\": \"" +
            longest +
            "\"}\n"
            "{\"file\": \"bad.jpg\", \"captions\": [\"a dog\", \"a circle\"]}\n"
            "{\"file\": \"2.jpg\", \"captions\": []}\n"
            "{\"file\": \"2.jpg\", \"caption\": \"grass\"}\n");
  const auto run = with_model({"score", "--captions", at("list.jsonl"), "--images", in});
  EXPECT_EQ(run.status, 1);
  ASSERT_THAT(run.out_lines(), SizeIs(3));  // 500 words can be scored
  for (const char* said :
       {"list.jsonl:2: 0.jpg: a caption without a word", "list.jsonl:3: 0.jpg: a caption with a NUL byte",
        "none of its words is in the model's vocabulary", "bad.jpg: ", "list.jsonl:7: 2.jpg: no captions",
        "6 of 9 captions failed"})
    EXPECT_THAT(run.err, HasSubstr(said));
  // The same in COCO's form.
  write("list.json", R"({"images": [{"id": 1, "file_name": "0.jpg"}, {"id": 2, "file_name": "1.jpg"}], "annotations": [
      {"image_id": 1, "caption": "a dog"}, {"image_id": 1, "caption": "a\u0000dog"}, {"image_id": 1, "caption": "..."},
      {"image_id": 3, "caption": "grass"}]})");
  const auto coco = with_model({"score", "--captions", at("list.json"), "--images", in});
  EXPECT_EQ(coco.status, 1);
  EXPECT_THAT(coco.out_lines(), SizeIs(1));
  for (const char* said : {"with a NUL byte: annotations[1]", "without a word: annotations[2]", "image_id 3",
                           "without captions: 1.jpg", "4 of 5 captions failed"})
    EXPECT_THAT(coco.err, HasSubstr(said));
  // Long captions are cut between characters.
  std::string cyrillic;
  for (int i = 0; i < 40; ++i) cyrillic += "\xd0\xb0";
  const auto cut = with_model({"score", at("in/0.jpg"), "--caption", "x" + cyrillic});
  EXPECT_THAT(cut.err, HasSubstr("\xd0\xb0…\": none"));
  const auto few = with_model({"score", "--captions", at("list.jsonl"), "--images", in, "--max-words", "400"});
  EXPECT_THAT(few.out_lines(), SizeIs(2));
  EXPECT_THAT(few.err, HasSubstr("has 500 words, more than --max-words (400)"));
}

TEST_F(ScoreCommand, ReadsResultsOfPicturesThatAreNamedOrInADataSet) {
  const std::string in = pictures();
  const auto expected = with_model({"score", at("in/0.jpg"), "--caption", "a red dog"});
  const std::string results = write("results.json", R"([{"image_id": 0, "caption": "a red dog"},
      {"image_id": 7, "caption": "grass"}])");
  const auto named = with_model({"score", at("in/0.jpg"), "--captions", results});
  EXPECT_EQ(named.status, 0) << named.err;
  EXPECT_EQ(named.out, expected.out);
  EXPECT_THAT(named.err, HasSubstr("results.json: 1 of 2 captions left out: of pictures that aren't named"));
  const std::string data =
      write("data.json", R"({"images": [{"id": 7, "file_name": "0.jpg"}, {"id": 8, "file_name": "1.jpg"}],
      "annotations": []})");
  const auto of_data =
      with_model({"score", "--captions", write("by_id.json", R"([{"image_id": 7, "caption": "a red dog"}])"), "--data",
                  data, "--images", in});
  EXPECT_EQ(of_data.status, 1);
  EXPECT_EQ(of_data.out, expected.out);
  EXPECT_THAT(of_data.err, HasSubstr("1.jpg: has no caption in "));
  EXPECT_THAT(with_model({"score", "--captions", results}).err, HasSubstr("results name pictures by ids"));
  EXPECT_THAT(with_model({"score", at("in/1.jpg"), "--captions",
                          write("none.json", R"([{"image_id": 7, "caption": "grass"}])")})
                  .err,
              HasSubstr("none of its 1 caption is of a picture that is named; image_id 7, the first, is looked for"));
  EXPECT_EQ(with_model({"score", "--captions", data, "--data", data, "--images", in}).status, 2);
}

TEST_F(ScoreCommand, WritesTables) {
  pictures();
  const std::vector<std::string> given{"score", at("in/0.jpg"), "--caption", "a \"red, dog", "--format"};
  auto captions = given, words = given;
  captions.push_back("csv");
  words.push_back("csv-words");
  const auto table = with_model(captions).out_lines();
  ASSERT_THAT(table, SizeIs(2));
  EXPECT_EQ(table[0], "file,caption,log_probability,plain_log_probability,perplexity,words,unknown_words\r");
  EXPECT_THAT(table[1], StartsWith(at("in/0.jpg") + ",\"a \"\"red, dog\","));
  const auto rows = with_model(words).out_lines();
  ASSERT_GE(rows.size(), 5u);
  EXPECT_EQ(std::count(rows[0].begin(), rows[0].end(), ','), 8);
  EXPECT_THAT(rows.back(), HasSubstr(",<end>,"));
}

TEST_F(ScoreCommand, TakesTheMeanOverSampledPathsOfHardAttention) {
  pictures();
  TinyModel model;
  model.edit("options", [](Json& options) { options["attention"]["kind"] = "hard"; });
  const std::string hard = write("hard.safetensors", model.bytes());
  const auto score = [&](std::vector<std::string> more) {
    std::vector<std::string> all{"score", at("in/0.jpg"), "--caption", "a dog",    "--model",
                                 hard,    "--threads",    "1",         "--format", "jsonl"};
    all.insert(all.end(), more.begin(), more.end());
    return attend_command(all);
  };
  const auto expected = Json::parse(score({"--locations", "expected"}).out),
             most = Json::parse(score({"--locations", "argmax"}).out);
  const auto paths = Json::parse(score({"--locations", "sampled", "--paths", "400"}).out);
  EXPECT_FALSE(expected["words"][0].contains("location"));
  EXPECT_TRUE(most["words"][0].contains("location"));
  EXPECT_NEAR(paths["plain_log_probability"].get<double>(), expected["plain_log_probability"].get<double>(), 0.5);
  EXPECT_THAT(score({"--locations", "expected", "--paths", "4"}).err,
              HasSubstr("--paths: is of --locations sampled only"));
}

TEST_F(ScoreCommand, OfSeveralModelsTakesTheMeanOfTheirProbabilities) {
  pictures();
  const auto score = [&](const std::vector<std::string>& models) {
    std::vector<std::string> all{"score", at("in/0.jpg"), "--caption", "a dog",       "--format",
                                 "jsonl", "--threads",    "1",         "--precision", "fp32"};
    for (const auto& model : models) all.insert(all.end(), {"--model", model});
    const auto run = attend_command(all);
    EXPECT_EQ(run.status, 0) << run.err;
    return Json::parse(run.out);
  };
  const auto a = score({ATTEND_TINY_MODEL}), b = score({ATTEND_WIDE_MODEL}),
             both = score({ATTEND_TINY_MODEL, ATTEND_WIDE_MODEL});
  for (size_t t = 0; t < 2; ++t) {
    const auto probability = [&](const Json& one) {
      return std::exp(one["words"][t]["plain_log_probability"].get<double>());
    };
    EXPECT_NEAR(probability(both), (probability(a) + probability(b)) / 2, 1e-4);
  }
  const auto audit = attend_command({"audit", at("in"), "--caption", "a dog", "--least", "0", "--threads", "1",
                                     "--model", ATTEND_TINY_MODEL, "--model", ATTEND_WIDE_MODEL});
  EXPECT_EQ(audit.status, 0) << audit.err;
  EXPECT_THAT(audit.out_lines(), SizeIs(3));
  const auto explained =
      attend_command({"align", at("in/0.jpg"), "a dog", "--threads", "1", "--explain", "plain", "--html", at("x.html"),
                      "--model", ATTEND_TINY_MODEL, "--model", ATTEND_WIDE_MODEL});
  EXPECT_EQ(explained.status, 2);
  EXPECT_THAT(explained.err, HasSubstr("explains what one model says"));
}

TEST_F(ScoreCommand, ExplainsEveryCaptionByGradients) {
  pictures();
  const std::vector<std::string> given{"score",     at("in/0.jpg"), "--caption", "a dog",       "--caption",
                                       "red grass", "--format",     "jsonl",     "--precision", "fp32"};
  auto explained = given;
  explained.insert(explained.end(), {"--explain", "plain"});
  const auto run = with_model(explained);
  ASSERT_EQ(run.status, 0) << run.err;
  const auto with = records(run), without = records(with_model(given));
  ASSERT_THAT(with, SizeIs(2));
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_TRUE(with[i].contains("rank_correlation"));
    EXPECT_FALSE(without[i].contains("rank_correlation"));
    for (size_t t = 0; t < 2; ++t) {
      EXPECT_EQ(with[i]["words"][t]["attention"], without[i]["words"][t]["attention"]);
      double sum = 0;
      for (const auto& weight : with[i]["words"][t]["gradient"]) sum += weight.get<double>();
      EXPECT_NEAR(sum, 1, 1e-4);
    }
  }
  const auto text = with_model({"score", at("in/0.jpg"), "--caption", "a dog", "--explain", "plain"});
  EXPECT_EQ(text.status, 2);
  EXPECT_THAT(text.err, HasSubstr("--explain: is written by --format jsonl only"));
}

TEST_F(ScoreCommand, SaysThatAModelWithoutAttentionLooksNowhere) {
  pictures();
  TinyModel model;
  model.edit("options", [](Json& options) { options["attention"]["kind"] = "none"; });
  const std::string none = write("none.safetensors", model.bytes());
  const auto run = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--model", none, "--threads", "1"});
    return attend_command(arguments).err;
  };
  EXPECT_THAT(run({"align", at("in/0.jpg"), "a dog"}), HasSubstr("attention of kind none"));
  EXPECT_THAT(run({"score", at("in/0.jpg"), "--caption", "a dog", "--format", "jsonl"}),
              HasSubstr("attention of kind none"));
  EXPECT_EQ(run({"score", at("in/0.jpg"), "--caption", "a dog"}), "");
}

TEST_F(ScoreCommand, RefusesACommandLineThatSaysTooLittleOrTooMuch) {
  pictures();
  const auto refusal = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "score");
    const auto run = with_model(arguments);
    EXPECT_EQ(run.status, 2) << run.err;
    EXPECT_THAT(run.err_lines(), SizeIs(1));
    EXPECT_EQ(run.out, "");
    return run.err;
  };
  EXPECT_THAT(refusal({at("in/0.jpg")}), HasSubstr("no captions"));
  EXPECT_THAT(refusal({"--caption", "a dog"}), HasSubstr("no pictures"));
  EXPECT_THAT(refusal({at("in/0.jpg"), "--caption", "a dog", "--sidecar"}), HasSubstr("come from one of them"));
  EXPECT_THAT(refusal({at("in/0.jpg"), "--captions", "a.csv"}), HasSubstr("are named in its file"));
  EXPECT_THAT(refusal({at("in/0.jpg"), "--caption", "?"}), HasSubstr("without a word"));
  EXPECT_THAT(refusal({at("in/0.jpg"), "--caption", "a dog", "--locations", "argmax"}), HasSubstr("hard attention"));
}

}  // namespace
}  // namespace attend::testing
