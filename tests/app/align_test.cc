// Where the model looks for the words of given captions, through the program.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/run_command.h"
#include "vision/picture_files.h"

namespace attend::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using ::testing::StartsWith;

class AlignCommand : public ::testing::Test {
 protected:
  std::string at(const std::string& name) const { return (folder_.path() / name).string(); }
  std::string picture() const { return folder_.write("a.jpg", encoded(".jpg", gradient(90, 60))).string(); }

  TemporaryFolder folder_;
};

TEST_F(AlignCommand, DrawsForACaptionOfItsOwnWhatCaptionDraws) {
  const std::string file = picture();
  const std::vector<std::string> how{"--precision", "fp32",  "--overlay-format", "png",
                                     "--explain",   "plain", "--threads",        "1"};
  const auto with_files = [&](std::vector<std::string> arguments, const std::string& folder) {
    arguments.insert(arguments.end(), {"--overlay", at(folder), "--maps", at(folder), "--animate", at(folder), "--html",
                                       at(folder + ".html")});
    arguments.insert(arguments.end(), how.begin(), how.end());
    return with_model(arguments);
  };
  const auto said = with_files({"caption", file}, "said");
  ASSERT_EQ(said.status, 0) << said.err;
  const std::string caption = said.out.substr(file.size() + 1, said.out.size() - file.size() - 2);
  const auto run = with_files({"align", file, caption}, "given");
  ASSERT_EQ(run.status, 0) << run.err;
  for (const char* name : {"a.png", "a.npy", "a.webp"})
    EXPECT_EQ(read_file(at("said/" + std::string(name))), read_file(at("given/" + std::string(name)))) << name;
  for (const char* name : {"a.gradient.npy", "a.pixels.npy"})
    EXPECT_TRUE(fs::exists(at("given/" + std::string(name)))) << name;
  EXPECT_THAT(read_file(at("given.html")), HasSubstr(caption));
}

TEST_F(AlignCommand, PrintsALineAWord) {
  const auto run = with_model({"align", picture(), "A dog, on purple grass", "two"});
  EXPECT_EQ(run.status, 1);
  const auto lines = run.out_lines();
  ASSERT_THAT(lines, SizeIs(7));
  EXPECT_EQ(lines[0], at("a.jpg") + "\tA dog, on purple grass");
  EXPECT_THAT(lines[1], StartsWith("  a\t"));
  EXPECT_THAT(lines[1], HasSubstr(" %\trank "));
  EXPECT_EQ(lines[4], "  purple\tnot in the model's vocabulary");
  EXPECT_THAT(lines[6], StartsWith("  <end>\t"));
  EXPECT_THAT(run.err, HasSubstr("a.jpg: caption \"two\": none of its words is in the model's vocabulary"));
  EXPECT_THAT(run.err, HasSubstr("1 of 2 captions failed"));
}

TEST_F(AlignCommand, PutsAllCaptionsOnThePage) {
  const auto run =
      with_model({"align", picture(), "a red dog", "grass", "--html", at("page.html"), "--format", "jsonl"});
  ASSERT_EQ(run.status, 0) << run.err;
  EXPECT_THAT(run.out_lines(), SizeIs(2));
  const std::string page = read_file(at("page.html"));
  for (const char* caption : {"a red dog", "grass"})
    EXPECT_THAT(page, HasSubstr("\"text\":\"" + std::string(caption) + "\""));
  const Json record = Json::parse(run.out_lines()[1]);
  EXPECT_EQ(record["caption"], "grass");
  EXPECT_THAT(record["words"][0]["attention"], SizeIs(9));
}

/// The phrases of a record are these, with the sums and means of their words.
void expect_phrases(const Json& record, const std::vector<std::pair<std::string, std::vector<size_t>>>& expected) {
  const auto& phrases = record["phrases"];
  ASSERT_THAT(phrases, SizeIs(expected.size()));
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(phrases[i]["phrase"], expected[i].first);
    ASSERT_EQ(phrases[i]["words"], expected[i].second);
    for (const char* sum : {"log_probability", "plain_log_probability"}) {
      double of_words = 0;
      for (const size_t t : expected[i].second) of_words += record["words"][t][sum].get<double>();
      EXPECT_NEAR(phrases[i][sum].get<double>(), of_words, 3e-6);
    }
    for (const char* kind : {"attention", "gradient"}) {
      ASSERT_THAT(phrases[i][kind], SizeIs(9));
      for (size_t cell = 0; cell < 9; ++cell) {
        double mean = 0;
        for (const size_t t : expected[i].second)
          mean += record["words"][t][kind][cell].get<double>() / static_cast<double>(expected[i].second.size());
        EXPECT_NEAR(phrases[i][kind][cell].get<double>(), mean, 2e-6);
      }
    }
  }
}

TEST_F(AlignCommand, GivesPhrasesTheMeanOfTheirWordsMaps) {
  const auto run = with_model({"align", picture(), "A red dog on purple grass, red dog", "grass", "--phrase", "red dog",
                               "--phrase", "Purple grass", "--phrase", "on purple", "--format", "jsonl", "--explain",
                               "plain", "--precision", "fp32"});
  ASSERT_EQ(run.status, 0) << run.err;
  ASSERT_THAT(run.out_lines(), SizeIs(2));
  // "purple" is none of the model's words: a red dog on grass red dog
  expect_phrases(Json::parse(run.out_lines()[0]),
                 {{"red dog", {1, 2}}, {"on purple", {3}}, {"Purple grass", {4}}, {"red dog", {5, 6}}});
  EXPECT_FALSE(Json::parse(run.out_lines()[1]).contains("phrases"));
}

TEST_F(AlignCommand, FindsNounPhrasesByItself) {
  // "purple" is none of the model's words: a red dog on blue grass above a circle
  const std::string file = picture(), caption = "A red dog on blue grass above a purple circle";
  for (const std::string command : {"align", "score"}) {
    std::vector<std::string> arguments{command,      file,       "--noun-phrases", "--phrase",  "red dog", "--phrase",
                                       "blue grass", "--format", "jsonl",          "--explain", "plain"};
    for (const auto& one : {caption, std::string("is on")}) {
      if (command == "score") arguments.push_back("--caption");
      arguments.push_back(one);
    }
    const auto run = with_model(arguments);
    ASSERT_EQ(run.status, 0) << run.err;
    ASSERT_THAT(run.out_lines(), SizeIs(2));
    expect_phrases(
        Json::parse(run.out_lines()[0]),
        {{"a red dog", {0, 1, 2}}, {"red dog", {1, 2}}, {"blue grass", {4, 5}}, {"a purple circle", {7, 8}}});
    EXPECT_FALSE(Json::parse(run.out_lines()[1]).contains("phrases"));
  }
  const auto drawn = with_model({"align", file, caption, "--noun-phrases", "--overlay", at("nouns"), "--overlay-words",
                                 "--html", at("nouns.html")});
  ASSERT_EQ(drawn.status, 0) << drawn.err;
  EXPECT_THAT(drawn.out, HasSubstr("  \"a purple circle\"\t"));
  EXPECT_THAT(read_file(at("nouns.html")), HasSubstr(R"({"text":"blue grass","words":[4,5]})"));
  EXPECT_TRUE(fs::exists(at("nouns/a.words/10-a_red_dog.jpg")));
  const auto refused = with_model({"score", file, "--caption", caption, "--noun-phrases"});
  EXPECT_EQ(refused.status, 2);
  EXPECT_THAT(refused.err, HasSubstr("--noun-phrases: is written by --format jsonl only"));
}

TEST_F(AlignCommand, DrawsPhrases) {
  const std::string file = picture();
  const auto align = [&](const std::string& folder, std::vector<std::string> more) {
    more.insert(more.begin(), {"align", file, "a red dog, purple", "--overlay", at(folder), "--overlay-words",
                               "--overlay-format", "png", "--html", at(folder + ".html")});
    const auto run = with_model(more);
    EXPECT_EQ(run.status, 0) << run.err;
    return run;
  };
  const auto plain = align("plain", {});
  const auto run = align("with", {"--phrase", "red dog", "--phrase", "purple"});
  ASSERT_THAT(run.out_lines(), SizeIs(plain.out_lines().size() + 2));
  EXPECT_THAT(run.out_lines()[6], StartsWith("  \"red dog\"\t"));
  EXPECT_EQ(run.out_lines()[7], "  \"purple\"\tnone of its words is in the model's vocabulary");
  EXPECT_TRUE(fs::exists(at("with/a.words/04-red_dog.png")));
  EXPECT_FALSE(fs::exists(at("with/a.words/05-purple.png")));
  EXPECT_EQ(read_file(at("with/a.words/03-dog.png")), read_file(at("plain/a.words/03-dog.png")));
  EXPECT_NE(read_file(at("with/a.png")), read_file(at("plain/a.png")));
  EXPECT_THAT(read_file(at("with.html")), HasSubstr(R"("left_out":["purple"])"));
  EXPECT_THAT(read_file(at("with.html")), HasSubstr(R"("phrases":[{"text":"red dog","words":[1,2]}])"));
  EXPECT_THAT(read_file(at("plain.html")), ::testing::Not(HasSubstr(R"("phrases":)")));
}

TEST_F(AlignCommand, RefusesAPhraseThatIsInNoCaption) {
  for (const std::string phrase : {"dog red", "red", "..."}) {
    const auto run = with_model({"align", picture(), "a dog", "grass", "--phrase", "dog", "--phrase", phrase});
    EXPECT_EQ(run.status, 2);
    EXPECT_EQ(run.out, "");
    ASSERT_THAT(run.err_lines(), SizeIs(1));
    EXPECT_THAT(run.err, HasSubstr("--phrase: \"" + phrase + "\" " +
                                   (phrase == "..." ? "has no words" : "is in none of the captions")));
  }
  const auto score = with_model({"score", picture(), "--caption", "a dog", "--phrase", "dog"});
  EXPECT_EQ(score.status, 2);
  EXPECT_THAT(score.err, HasSubstr("--phrase: is written by --format jsonl only"));
}

TEST_F(AlignCommand, WantsAPictureAndACaption) {
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{"align"}, {"align", picture()}}) {
    const auto run = with_model(arguments);
    EXPECT_EQ(run.status, 2);
    EXPECT_THAT(run.err, HasSubstr("name a picture and, behind it, a caption"));
  }
  EXPECT_EQ(with_model({"align", at("none.jpg"), "a dog"}).status, 1);
}

}  // namespace
}  // namespace attend::testing
