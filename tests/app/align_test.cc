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
