// What all commands have in common.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/run_command.h"
#include "vision/picture_files.h"

namespace attend::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;
using ::testing::StartsWith;

TEST(Program, SaysItsVersionAndItsCommands) {
  const auto version = attend_command({"--version"});
  EXPECT_EQ(version.status, 0);
  EXPECT_THAT(version.out, StartsWith("attend "));
  const auto help = attend_command({"--help"});
  EXPECT_EQ(help.status, 0);
  for (const char* name : {"caption", "evaluate", "inspect", "train", "features", "shapes", "bench"})
    EXPECT_THAT(help.out, HasSubstr(std::string("\n  ") + name + " "));
  const auto nothing = attend_command({});
  EXPECT_EQ(nothing.status, 2);
  EXPECT_EQ(nothing.out, "");
}

TEST(Program, EveryCommandHasHelpThatFitsATerminal) {
  for (const char* name : {"caption", "evaluate", "inspect", "train", "features", "shapes", "bench"}) {
    const auto help = attend_command({name, "--help"});
    EXPECT_EQ(help.status, 0) << name;
    EXPECT_EQ(help.err, "") << name;
    EXPECT_THAT(help.out, StartsWith(std::string("Usage: attend ") + name + " [options]")) << name;
    EXPECT_THAT(help.out, HasSubstr("\nExamples:\n  attend ")) << name;
    bool in_examples = false;
    for (const auto& line : help.out_lines()) {
      in_examples = line == "Examples:" || (in_examples && !line.empty());
      EXPECT_TRUE(in_examples || line.size() <= 100) << line;
    }
  }
}

TEST(Program, UnknownCommandsAndOptionsAreUsageErrors) {
  const auto command = attend_command({"captoin"});
  EXPECT_EQ(command.status, 2);
  EXPECT_THAT(command.err, HasSubstr("did you mean caption?"));
  const std::vector<std::pair<std::vector<std::string>, std::string>> mistakes{
      {{"evaluate", "--captions", "x.json"}, "--images: say which"},
      {{"evaluate", "--captions", "x.json", "--candidates", "r.json", "--pointing"}, "--candidates: "},
      {{"inspect", "a", "b"}, "b: unexpected argument"},
      {{"shapes", "x", "--train", "0"}, "--train: 0 is not allowed"},
      {{"features"}, "--features: say which"},
      {{"train"}, "--output: say which"},
      {{"train", "--output", "x", "--objective", "self_critical"}, "train.initial_model"},
      {{"bench", "--count", "1.5"}, "--count: "}};
  for (const auto& [arguments, says] : mistakes) {
    const auto run = attend_command(arguments);
    EXPECT_EQ(run.status, 2) << says;
    EXPECT_EQ(run.out, "");
    EXPECT_THAT(run.err, HasSubstr(says));
    EXPECT_THAT(run.err_lines(), SizeIs(1)) << run.err;
  }
}

TEST(Program, ARecipeWithATypoIsRefusedBeforeAnyWork) {
  const TemporaryFolder folder;
  const std::string text = R"({"train": {"learning_rat": 0.1}})";
  const auto recipe = folder.write("recipe.json", {text.begin(), text.end()}).string();
  const auto output = (folder.path() / "run").string();
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"train", "--output", output}, {"features", "--features", output}}) {
    auto line = arguments;
    line.insert(line.end(), {"--config", recipe});
    const auto run = attend_command(line);
    EXPECT_EQ(run.status, 2);
    EXPECT_THAT(run.err, StartsWith("attend: " + recipe + ": train: unknown key \"learning_rat\""));
    EXPECT_FALSE(std::filesystem::exists(output));
  }
}

TEST(Program, BenchMeasuresTheProgramItself) {
  const TemporaryFolder folder;
  for (const char* name : {"1.jpg", "2.jpg", "3.jpg"}) folder.write(name, encoded(".jpg", gradient(64, 64)));
  const auto run = with_model({"bench", "--pictures", folder.path().string(), "--count", "2", "--json"});
  ASSERT_EQ(run.status, 0) << run.err;
  const Json figures = Json::parse(run.out);
  EXPECT_EQ(figures["threads"], 1);
  EXPECT_EQ(figures["model"], ATTEND_TINY_MODEL);
  const auto& whole = figures["end to end"];
  EXPECT_EQ(whole["pictures"], 2);
  EXPECT_GT(whole["speed_pictures_per_s"].get<double>(), 0);
  EXPECT_GT(whole["start_to_first_caption_s"].get<double>(), 0);
  EXPECT_LE(whole["start_to_first_caption_s"].get<double>(), 2 / whole["speed_pictures_per_s"].get<double>());
  EXPECT_GT(whole["peak_memory_mib"].get<double>(), 10);
  EXPECT_GT(figures["limits of the machine"]["matrix_products_fp32_gflop_per_s"].get<double>(), 0.1);
  const auto& parts = figures["parts"];
  EXPECT_GT(parts["training_speed_tokens_per_s"].get<double>(), 1);
  EXPECT_GT(parts["share_of_decoding_beam_5_percent"].get<double>(), 0);
  EXPECT_LT(parts["share_of_decoding_beam_5_percent"].get<double>(), 100);
}

}  // namespace
}  // namespace attend::testing
