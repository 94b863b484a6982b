// `attend evaluate` and `attend shapes`, run as a user runs them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/run_command.h"
#include "base/files.h"
#include "vision/picture_files.h"

namespace attend::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

class EvaluateCommand : public ::testing::Test {
 protected:
  std::string at(const std::string& name) const { return (folder_.path() / name).string(); }
  std::string write(const std::string& name, const std::string& bytes) const {
    return folder_.write(name, {bytes.begin(), bytes.end()}).string();
  }
  /// Three pictures, and a captions file for them.
  std::string make_data() const {
    for (int i = 0; i < 3; ++i)
      folder_.write("images/" + std::to_string(i) + ".png", encoded(".png", gradient(40 + i, 30)));
    return write("captions.json", R"({"images": [{"id": 10, "file_name": "0.png"}, {"id": 11, "file_name": "1.png"},
      {"id": 9007199254740993, "file_name": "2.png"}], "annotations": [
      {"image_id": 10, "caption": "A dog on grass."}, {"image_id": 10, "caption": "The dog."},
      {"image_id": 11, "caption": "A red circle above a blue square"},
      {"image_id": 9007199254740993, "caption": "A café"}]})");
  }

  TemporaryFolder folder_;
};

TEST_F(EvaluateCommand, ScoresCaptionsItMakesAndTheSameAgainFromAResultsFile) {
  const std::string captions = make_data();
  const auto made = with_model(
      {"evaluate", "--captions", captions, "--images", at("images"), "--results", at("results.json"), "--json"});
  ASSERT_EQ(made.status, 0) << made.err;
  Json figures = Json::parse(made.out);
  EXPECT_EQ(figures["pictures"], 3);
  EXPECT_EQ(figures["references"], 4);
  EXPECT_GT(figures["pictures_per_second"].get<double>(), 0);
  const Json results = read_json_file(at("results.json"));
  ASSERT_THAT(results, SizeIs(3));
  EXPECT_EQ(results[2]["image_id"], 9007199254740993);

  const auto scored = attend_command(
      {"evaluate", "--captions", captions, "--images", at("images"), "--candidates", at("results.json"), "--json"});
  ASSERT_EQ(scored.status, 0) << scored.err;
  const Json again = Json::parse(scored.out);
  for (const char* key : {"bleu_1", "bleu_2", "bleu_3", "bleu_4", "rouge_l", "cider_d", "mean_length",
                          "distinct_captions", "distinct_words", "exact_captions"})
    EXPECT_EQ(figures[key], again[key]) << key;
}

TEST_F(EvaluateCommand, PerfectCandidatesScoreFull) {
  const std::string captions = make_data();
  const auto results = write("r.json", R"([{"image_id": 10, "caption": "a dog on grass"},
    {"image_id": 11, "caption": "a red circle above a blue square"}, {"image_id": 9007199254740993, "caption": "a café"}])");
  const auto run =
      attend_command({"evaluate", "--captions", captions, "--images", at("images"), "--candidates", results});
  ASSERT_EQ(run.status, 0) << run.err;
  EXPECT_THAT(run.out, ContainsRegex("BLEU-1 +100\\.0   100\\.0 to 100\\.0\n"));
  EXPECT_THAT(run.out, ContainsRegex("ROUGE-L +100\\.0   100\\.0 to 100\\.0\n"));
  EXPECT_THAT(run.out, ContainsRegex("exact captions +100\\.0 %\n"));
}

TEST_F(EvaluateCommand, SaysHowSureItIsAndWhatAnotherFileScores) {
  const std::string captions = make_data();
  const auto results = [&](const std::string& name, const std::string& first) {
    return write(name,
                 R"([{"image_id": 10, "caption": ")" + first + R"("}, {"image_id": 11, "caption": "a blue square"},
      {"image_id": 9007199254740993, "caption": "a \"café\", open"}])");
  };
  const std::string good = results("good.json", "a dog on grass"), bad = results("bad.json", "two trains");
  const std::vector<std::string> arguments{
      "evaluate", "--captions", captions,       "--candidates",        good,    "--compare", bad,
      "--json",   "--csv",      at("each.csv"), "--training-captions", captions};
  const auto run = attend_command(arguments);
  ASSERT_EQ(run.status, 0) << run.err;
  EXPECT_EQ(attend_command(arguments).out, run.out);  // the seed decides
  const Json figures = Json::parse(run.out);
  for (const char* key : {"bleu_1", "rouge_l", "cider", "cider_d"}) {
    const double figure = figures[key], low = figures["intervals"][key][0], high = figures["intervals"][key][1];
    EXPECT_LE(low, figure + 1e-12) << key;
    EXPECT_GE(high, figure - 1e-12) << key;
    const Json& other = figures["comparison"][key];
    EXPECT_GT(other["difference"].get<double>(), 0) << key;
    EXPECT_NEAR(other["other"].get<double>() + other["difference"].get<double>(), figure, 1e-12) << key;
    EXPECT_GT(other["p_value"].get<double>(), 0.05) << key;  // three pictures prove nothing
  }
  EXPECT_NEAR(figures["training_captions"].get<double>(), 1.0 / 3, 1e-12);
  const std::string csv = read_file(at("each.csv"));
  EXPECT_THAT(csv, HasSubstr("image_id,file,caption,words,bleu_1"));
  EXPECT_THAT(csv, HasSubstr("9007199254740993,2.png,\"a \"\"café\"\", open\",3,"));
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 4);

  const auto table = attend_command({"evaluate", "--captions", captions, "--candidates", good, "--compare", bad});
  EXPECT_THAT(table.out, HasSubstr("p = "));
  const auto plain =
      attend_command({"evaluate", "--captions", captions, "--candidates", good, "--json", "--resamples", "0"});
  EXPECT_FALSE(Json::parse(plain.out).contains("intervals"));
  const auto unsure =
      attend_command({"evaluate", "--captions", captions, "--candidates", good, "--compare", bad, "--resamples", "0"});
  EXPECT_EQ(unsure.status, 2);
}

TEST_F(EvaluateCommand, CiderThatIsNotDefinedIsNotAFigure) {
  const auto one = write("one.json", R"({"images": [{"id": 1, "file_name": "a.jpg"}],
    "annotations": [{"image_id": 1, "caption": "A dog."}]})");
  const auto same = write("same.json", R"({"images": [{"id": 1, "file_name": "a.jpg"}, {"id": 2, "file_name": "b.jpg"}],
    "annotations": [{"image_id": 1, "caption": "A dog."}, {"image_id": 2, "caption": "a dog"}]})");
  const auto first = write("r1.json", R"([{"image_id": 1, "caption": "a dog"}])");
  const auto both = write("r2.json", R"([{"image_id": 1, "caption": "a dog"}, {"image_id": 2, "caption": "a cat"}])");
  for (const auto& [captions, results] : {std::pair(one, first), std::pair(same, both)}) {
    const std::vector<std::string> arguments{"evaluate",     "--captions", captions,       "--candidates",
                                             results,        "--compare",  results,        "--csv",
                                             at("each.csv"), "--html",     at("page.html")};
    const auto table = attend_command(arguments);
    EXPECT_EQ(table.status, 0);
    EXPECT_THAT(table.out, ContainsRegex("CIDEr-D +n/a\n"));
    EXPECT_THAT(table.err_lines(), SizeIs(1));
    EXPECT_THAT(table.err, HasSubstr("--document-frequencies FILE"));
    EXPECT_THAT(read_file(at("each.csv")), HasSubstr(",,\r\n"));
    EXPECT_THAT(read_file(at("page.html")), HasSubstr("<th scope=\"row\">CIDEr-D</th><td colspan=\"3\">n/a</td>"));
    auto json = arguments;
    json.push_back("--json");
    const Json figures = Json::parse(attend_command(json).out);
    EXPECT_TRUE(figures["cider_d"].is_null() && figures["cider"].is_null());
    EXPECT_FALSE(figures["intervals"].contains("cider_d") || figures["comparison"].contains("cider_d"));
    EXPECT_TRUE(figures["comparison"].contains("bleu_1"));
  }
  const auto elsewhere = attend_command(
      {"evaluate", "--captions", one, "--candidates", first, "--document-frequencies", make_data(), "--json"});
  EXPECT_EQ(elsewhere.err, "");
  EXPECT_GT(Json::parse(elsewhere.out)["cider_d"].get<double>(), 1);
}

TEST_F(EvaluateCommand, ResultsForAPartOfThePicturesAreScoredWhereThatIsWanted) {
  const std::string captions = make_data();
  const auto part = write("part.json", R"([{"image_id": 10, "caption": "a dog on grass"},
    {"image_id": 11, "caption": "a red circle above a blue square"}, {"image_id": 99, "caption": "a cat"}])");
  const auto other = write("other.json", R"([{"image_id": 11, "caption": "a circle"},
    {"image_id": 9007199254740993, "caption": "a café"}])");
  const auto refused = attend_command({"evaluate", "--captions", captions, "--candidates", part});
  EXPECT_EQ(refused.status, 1);
  EXPECT_THAT(refused.err, HasSubstr("1 (9007199254740993); --partial scores the others"));
  const auto table = attend_command({"evaluate", "--captions", captions, "--candidates", part, "--partial"});
  EXPECT_EQ(table.status, 0) << table.err;
  EXPECT_THAT(table.out, ContainsRegex("pictures +2\n"));
  EXPECT_THAT(table.out, ContainsRegex("BLEU-1 +100\\.0 "));
  EXPECT_THAT(
      table.out,
      ContainsRegex("left out +1 of the pictures, without a caption\n +1 of the captions, of other pictures\n"));
  const Json figures = Json::parse(attend_command({"evaluate", "--captions", captions, "--candidates", part,
                                                   "--compare", other, "--partial", "--json"})
                                       .out);
  EXPECT_EQ(figures["pictures"], 1);
  EXPECT_EQ(figures["pictures_without_caption"], 2);
  EXPECT_EQ(figures["captions_without_picture"], 1);
  const auto none = write("none.json", R"([{"image_id": 5, "caption": "a dog"}])");
  const auto nothing = attend_command({"evaluate", "--captions", captions, "--candidates", none, "--partial"});
  EXPECT_EQ(nothing.status, 1);
  EXPECT_THAT(nothing.err, HasSubstr("no caption for any picture"));
}

TEST_F(EvaluateCommand, IdsOfResultsMayBeTextsFloatsAndFileNames) {
  const std::string captions = make_data();
  const auto score = [&](const std::string& a, const std::string& b, const std::string& c) {
    const auto results = write("r.json", R"([{"image_id": )" + a + R"(, "caption": "a dog on grass"}, {"image_id": )" +
                                             b + R"(, "caption": "a red circle above a blue square"}, {"image_id": )" +
                                             c + R"(, "caption": "a café"}])");
    return attend_command({"evaluate", "--captions", captions, "--candidates", results, "--resamples", "0"});
  };
  EXPECT_THAT(score("\"10\"", "11.0", "\"9007199254740993\"").out, ContainsRegex("exact captions +100"));
  EXPECT_THAT(score("\"0\"", "\"1.png\"", "\"2\"").out, ContainsRegex("exact captions +100"));
  const auto twice = score("10", "\"0.png\"", "\"2\"");
  EXPECT_EQ(twice.status, 1);
  EXPECT_THAT(twice.err, HasSubstr("0.png: its picture has a caption already"));
}

TEST_F(EvaluateCommand, CellsThatSpreadsheetsWouldRunAreText) {
  const auto captions =
      write("c.json", R"({"images": [{"id": "=1", "file_name": "-a.jpg"}, {"id": 2, "file_name": "b.jpg"}],
    "annotations": [{"image_id": "=1", "caption": "a dog"}, {"image_id": 2, "caption": "a cat"}]})");
  const auto results = write("r.json", R"json([{"image_id": "=1", "caption": "=cmd|' /C calc'!A0"},
    {"image_id": 2, "caption": "\t@SUM(1;2)"}])json");
  ASSERT_EQ(attend_command({"evaluate", "--captions", captions, "--candidates", results, "--csv", at("o.csv")}).status,
            0);
  const std::string csv = read_file(at("o.csv"));
  EXPECT_THAT(csv, HasSubstr("\n'=1,'-a.jpg,'=cmd|' /C calc'!A0,"));
  EXPECT_THAT(csv, HasSubstr("\n2,b.jpg,\"'\t@SUM(1;2)\","));
}

TEST_F(EvaluateCommand, MeteorGoesByAnotherNameWithoutItsTables) {
  const std::string captions = make_data();
  const auto results = write("r.json", R"([{"image_id": 10, "caption": "a dog on grass"},
    {"image_id": 11, "caption": "squares"}, {"image_id": 9007199254740993, "caption": "a café"}])");
  // Installed elsewhere, the program finds no data beside it.
  const std::vector<std::string> arguments{
      install_attend(at("bin")), "evaluate", "--captions", captions, "--candidates", results};
  const auto table = run_command(arguments);
  ASSERT_EQ(table.status, 0) << table.err;
  EXPECT_THAT(table.out, HasSubstr("METEOR (exact, stem; no function words)"));
  auto json = arguments;
  json.push_back("--json");
  const Json figures = Json::parse(run_command(json).out);
  EXPECT_TRUE(figures.contains("meteor_exact_stem"));
  EXPECT_FALSE(figures.contains("meteor"));

  write("m/english.words", "a\n");
  write("m/english.synsets", "square\n12\ncafé\n13\n");
  write("m/english.exceptions", "");
  write("m/paraphrase-en", "0.5\na dog\nthe hound\n");
  const auto made = attend_command({"meteor-tables", at("m"), at("tables")});
  ASSERT_EQ(made.status, 0) << made.err;
  json.insert(json.end(), {"--meteor", at("tables")});
  EXPECT_TRUE(Json::parse(run_command(json).out).contains("meteor"));
  json.back() = captions;
  const auto none = run_command(json);
  EXPECT_EQ(none.status, 1);
  EXPECT_THAT(none.err, HasSubstr("tools/fetch-meteor"));
  EXPECT_EQ(attend_command({"meteor-tables", at("nowhere"), at("tables")}).status, 1);
}

TEST_F(EvaluateCommand, ResultsThatDoNotMatchAreRefused) {
  const std::string captions = make_data();
  const std::string two = R"({"image_id": 10, "caption": "x"}, {"image_id": 11, "caption": "y"})";
  const std::string last = R"({"image_id": 9007199254740993, "caption": "z"})";
  const std::vector<std::pair<std::string, std::string>> cases{
      {"[" + two + "]", "no caption for these pictures"},
      {"[" + two + "," + last + R"(, {"image_id": 77, "caption": "z"}])", "1 (77)"},
      {"[" + two + "," + last + "," + last + "]", "has a caption already"},
      {"[" + two + R"(, {"image_id": "", "caption": "z"}])", "[2].image_id"},
      {"[" + two + R"(, {"image_id": 12, "caption": 3}])", "[2].caption"},
      {R"({"images": []})", "a list of"},
      {"[" + two + ",", "not valid JSON"}};
  for (const auto& [text, says] : cases) {
    const auto results = write("r.json", text);
    const auto run =
        attend_command({"evaluate", "--captions", captions, "--images", at("images"), "--candidates", results});
    EXPECT_EQ(run.status, 1) << text;
    EXPECT_EQ(run.out, "");
    EXPECT_THAT(run.err, HasSubstr(results)) << text;
    EXPECT_THAT(run.err, HasSubstr(says)) << text;
    EXPECT_THAT(run.err_lines(), SizeIs(1)) << run.err;
  }
}

TEST_F(EvaluateCommand, WhatIsReadIsNeverReplaced) {
  const std::string captions = make_data();
  const auto results = write("r.json", R"([{"image_id": 10, "caption": "a dog"}, {"image_id": 11, "caption": "a dog"},
    {"image_id": 9007199254740993, "caption": "a dog"}])");
  fs::create_symlink(captions, at("link.json"));
  fs::create_hard_link(captions, at("page.html"));
  const std::string before = read_file(captions), results_before = read_file(results);
  const std::vector<std::vector<std::string>> cases{{"--images", at("images"), "--results", captions},
                                                    {"--images", at("images"), "--results", at("link.json")},
                                                    {"--candidates", results, "--csv", captions},
                                                    {"--candidates", results, "--csv", results},
                                                    {"--candidates", results, "--html", at("page.html")}};
  for (const auto& flags : cases) {
    std::vector<std::string> arguments{"evaluate", "--captions", captions};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    const auto run = flags[0] == "--images" ? with_model(arguments) : attend_command(arguments);
    EXPECT_EQ(run.status, 2) << run.err;
    EXPECT_THAT(run.err, HasSubstr(flags[2] + ": " + flags[3] +
                                   ": is read by this command and would be replaced; name another file"));
    EXPECT_EQ(read_file(captions), before);
    EXPECT_EQ(read_file(results), results_before);
  }
}

TEST_F(EvaluateCommand, CandidatesWithoutAWordAreSaid) {
  const std::string captions = make_data();
  const auto results = write("r.json", R"([{"image_id": 10, "caption": ""}, {"image_id": 11, "caption": " ."},
    {"image_id": 9007199254740993, "caption": "a café"}])");
  const auto run = attend_command({"evaluate", "--captions", captions, "--candidates", results});
  EXPECT_EQ(run.status, 0) << run.err;
  EXPECT_THAT(run.err, HasSubstr("r.json: 2 of 3 captions without a word, scored as such"));
}

TEST_F(EvaluateCommand, CaptionsFilesThatAreNoneAreRefused) {
  make_data();
  const std::string image = R"({"id": 10, "file_name": "0.png"})";
  const std::vector<std::pair<std::string, std::string>> cases{
      {R"({"images": [)" + image, "not valid JSON"},
      {R"({"images": [], "annotations": []})", "no pictures"},
      {"[1, 2]", "no data set: the first of its list is no {"},
      {R"({"images": [{"id": "", "file_name": "0.png"}], "annotations": []})", "id \"\""},
      {R"({"images": [{"id": 10.5, "file_name": "0.png"}], "annotations": []})", "id 10.5"},
      {R"({"images": [{"id": 10, "file_name": 5}], "annotations": []})", "file_name is no string"},
      {R"({"images": [{"id": 99999999999999999999999, "file_name": "0.png"}], "annotations": []})", "2^63-1"},
      {R"({"images": [{"id": 10, "file_name": "gone.png"}], "annotations": []})", "files missing"},
      {R"({"images": [{"id": 10, "file_name": "../c.json"}], "annotations": []})", "leave the images folder"}};
  for (const auto& [text, says] : cases) {
    const auto captions = write("c.json", text);
    const auto run =
        attend_command({"evaluate", "--captions", captions, "--images", at("images"), "--model", "/nowhere"});
    EXPECT_EQ(run.status, 1) << text;
    EXPECT_EQ(run.out, "");
    EXPECT_THAT(run.err, HasSubstr(captions)) << text;
    EXPECT_THAT(run.err, HasSubstr(says)) << text;
    EXPECT_THAT(run.err_lines(), SizeIs(1)) << run.err;
  }
}

TEST_F(EvaluateCommand, PicturesThatCannotBeReadAreCountedOut) {
  const std::string captions = make_data();
  write("images/1.png", "no picture");
  const auto run = with_model({"evaluate", "--captions", captions, "--images", at("images"), "--json"});
  EXPECT_EQ(run.status, 1);
  EXPECT_EQ(Json::parse(run.out)["pictures"], 2);
  EXPECT_THAT(run.err, HasSubstr("images/1.png: "));
  EXPECT_THAT(run.err, HasSubstr("1 of 3 pictures failed"));
}

TEST_F(EvaluateCommand, ASplitMustBeNamedWhereThereAreSeveral) {
  make_data();
  const auto captions = write("k.json", R"({"images": [
    {"imgid": 1, "filename": "0.png", "split": "test", "sentences": [{"raw": "a dog"}]},
    {"imgid": 2, "filename": "1.png", "split": "val", "sentences": [{"raw": "a cat"}]}]})");
  const auto unsaid = with_model({"evaluate", "--captions", captions, "--images", at("images")});
  EXPECT_EQ(unsaid.status, 2);
  EXPECT_THAT(unsaid.err, HasSubstr("test (1) val (1)"));
  const auto said =
      with_model({"evaluate", "--captions", captions, "--images", at("images"), "--split", "val", "--json"});
  EXPECT_EQ(said.status, 0) << said.err;
  EXPECT_EQ(Json::parse(said.out)["pictures"], 1);
  const auto none = with_model({"evaluate", "--captions", captions, "--images", at("images"), "--split", "train"});
  EXPECT_EQ(none.status, 1);
}

TEST_F(EvaluateCommand, ASplitThatTheFileDoesNotNameIsSaid) {
  const std::string captions = make_data();
  const auto candidates =
      write("r.json", R"([{"image_id": 10, "caption": "a dog"}, {"image_id": 11, "caption": "a circle"},
    {"image_id": 9007199254740993, "caption": "a café"}])");
  const auto named = attend_command({"evaluate", "--captions", captions, "--candidates", candidates, "--split", "val"});
  EXPECT_EQ(named.status, 0) << named.err;
  EXPECT_THAT(named.err, HasSubstr("says no splits: all 3 pictures count as \"val\""));
  EXPECT_THAT(attend_command({"evaluate", "--captions", captions, "--candidates", candidates}).err,
              Not(HasSubstr("splits")));
}

TEST_F(EvaluateCommand, ShapesAreDeterministicAndMeasureWhereWordsLook) {
  for (const char* name : {"s1", "s2"}) {
    const auto made =
        attend_command({"shapes", at(name), "--train", "2", "--val", "2", "--test", "6", "--picture-size", "64"});
    ASSERT_EQ(made.status, 0) << made.err;
  }
  for (const char* file : {"captions_test.json", "images/test_00003.png", "shapes.json"})
    EXPECT_EQ(read_file(at(std::string("s1/") + file)), read_file(at(std::string("s2/") + file))) << file;

  const auto run = with_model(
      {"evaluate", "--captions", at("s1/captions_test.json"), "--images", at("s1/images"), "--pointing", "--json"});
  ASSERT_EQ(run.status, 0) << run.err;
  const Json figures = Json::parse(run.out);
  EXPECT_EQ(figures["pictures"], 6);
  EXPECT_TRUE(figures["pointing"].is_number());
  EXPECT_EQ(figures["pointing_words"], 0);  // a model that gets no caption right
  EXPECT_THAT(run.err, HasSubstr("no word was held against an object"));
  const auto table =
      with_model({"evaluate", "--captions", at("s1/captions_test.json"), "--images", at("s1/images"), "--pointing"});
  EXPECT_THAT(table.out, ContainsRegex("looks inside +n/a % of the words"));
  const auto unmasked = with_model({"evaluate", "--captions", make_data(), "--images", at("images"), "--pointing"});
  EXPECT_EQ(unmasked.status, 1);
  EXPECT_THAT(unmasked.err, HasSubstr("no \"objects\""));

  const auto kept = attend_command({"shapes", at("images")});
  EXPECT_EQ(kept.status, 1);
  EXPECT_THAT(kept.err, HasSubstr("no part of a shapes data set"));
  EXPECT_TRUE(fs::exists(at("images/0.png")));
}

TEST_F(EvaluateCommand, SaysWhereTheWordsOfGivenCaptionsLookOnShapes) {
  ASSERT_EQ(attend_command({"shapes", at("s"), "--train", "1", "--val", "1", "--test", "6"}).status, 0);
  const auto run = with_model({"evaluate", "--captions", at("s/captions_test.json"), "--images", at("s/images"),
                               "--pointing", "--given", "--json"});
  ASSERT_EQ(run.status, 0) << run.err;
  const Json figures = Json::parse(run.out);
  EXPECT_EQ(figures["pictures"], 6);
  EXPECT_GT(figures["pointing_words"], 0);
  for (const char* share : {"pointing", "less_likely_elsewhere"}) {
    EXPECT_GE(figures[share], 0);
    EXPECT_LE(figures[share], 1);
  }
}

TEST_F(EvaluateCommand, SaysWhereWordsThatNameInstancesLook) {
  const std::string captions = make_data();
  // One object is all of the picture: whoever looks for it looks inside.
  const std::string instances = write("instances.json", R"({"images": [{"id": 10, "width": 40, "height": 30}],
    "categories": [{"id": 1, "name": "dog"}], "annotations": [{"image_id": 10, "category_id": 1, "bbox": [0, 0, 40, 30]}]})");
  const std::vector<std::string> arguments{"evaluate",   "--captions",  captions,  "--images", at("images"),
                                           "--pointing", "--instances", instances, "--given",  "--json"};
  const auto run = with_model(arguments);
  ASSERT_EQ(run.status, 0) << run.err;
  const Json figures = Json::parse(run.out);
  EXPECT_EQ(figures["pointing"], 1);
  EXPECT_EQ(figures["pointing_words"], 2);  // a dog twice
  EXPECT_EQ(figures["less_likely_elsewhere_words"], 1);
  auto named = arguments;
  named.insert(named.end(), {"--words", write("w.csv", "category,word\ndog,grass\n")});
  EXPECT_EQ(Json::parse(with_model(named).out)["pointing_words"], 1);
  EXPECT_THAT(with_model({"evaluate", "--captions", captions, "--images", at("images"), "--given"}).err,
              HasSubstr("are of --pointing"));
}

TEST(EvaluateOptionsTest, OptionsWithoutEffectAreSaid) {
  for (const char* flag : {"--beam-width", "--n-best", "--model", "--input-size"}) {
    const auto run = attend_command({"evaluate", "--captions", "x.json", "--candidates", "r.json", flag, "64"});
    EXPECT_EQ(run.status, 2) << flag;
    EXPECT_THAT(run.err, HasSubstr(std::string(flag) + ": means nothing with --candidates"));
  }
}

}  // namespace
}  // namespace attend::testing
