// What all commands have in common.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>

#include "app/run_command.h"
#include "base/processor.h"
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
  for (const char* name :
       {"caption", "evaluate", "inspect", "train", "features", "shapes", "check", "convert", "bench"})
    EXPECT_THAT(help.out, HasSubstr(std::string("\n  ") + name + " "));
  EXPECT_EQ(attend_command({"--help-all"}).out, help.out);
  EXPECT_EQ(attend_command({"help"}).out, help.out);
  EXPECT_EQ(attend_command({"help", "merge"}).out, attend_command({"merge", "--help"}).out);
  EXPECT_EQ(attend_command({"help", "captoin"}).status, 2);
  const auto nothing = attend_command({});
  EXPECT_EQ(nothing.status, 2);
  EXPECT_EQ(nothing.out, "");
}

TEST(Program, EveryCommandHasHelpThatFitsATerminal) {
  for (const char* name :
       {"caption", "evaluate", "inspect", "train", "features", "shapes", "check", "convert", "bench"}) {
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

TEST(Program, SaysAtOnceWhatItMayHaveTooLittleOf) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "sanitizers take terabytes of address space";
#endif
  const TemporaryFolder folder;
  const auto picture = folder.write("1.jpg", encoded(".jpg", gradient(64, 64))).string();
  for (const int64_t mebibytes : {684, 1100}) {
    const auto run = with_model({"caption", picture}, {.address_space = mebibytes << 20});
    EXPECT_EQ(run.status, 1) << mebibytes;
    EXPECT_THAT(run.err_lines(), SizeIs(1)) << run.err;
    EXPECT_THAT(run.err, StartsWith("attend: not enough memory: this process may have " + std::to_string(mebibytes)));
  }
  EXPECT_EQ(attend_command({"tokenize"}, {.input = "a dog", .address_space = 684 << 20}).out, "a dog\n");

  std::filesystem::permissions(folder.path(), std::filesystem::perms::all);
  for (const int64_t processes : {2, 8}) {
    const auto run = attend_command({"caption", "--model", ATTEND_TINY_MODEL, "--threads", "4", picture},
                                    {.ordinary_user = true, .processes = processes});
    EXPECT_EQ(run.status, 1) << processes;
    EXPECT_THAT(run.err_lines(), SizeIs(1)) << run.err;
    EXPECT_THAT(run.err, HasSubstr("threads cannot be started")) << processes;
  }
}

TEST(Program, KernelsOfOpenBlasAreTheBestThatTheProcessorCanRunUnlessTheUserNamesOthers) {
  const TemporaryFolder folder;
  folder.write("1.jpg", encoded(".jpg", gradient(64, 64)));
  const auto kernels = [&](std::vector<std::string> environment) {
    environment.insert(environment.begin(), {"/usr/bin/env", "-u", "OPENBLAS_CORETYPE", "-u", "ATTEND_INSTRUCTIONS"});
    environment.insert(environment.end(), {ATTEND_PROGRAM, "bench", "--model", ATTEND_TINY_MODEL, "--threads", "1",
                                           "--pictures", folder.path().string(), "--no-parts", "--json"});
    const auto run = run_command(environment);
    EXPECT_EQ(run.status, 0) << run.err;
    std::string name = run.status == 0 ? Json::parse(run.out)["blas_kernels"].get<std::string>() : run.err;
    std::transform(name.begin(), name.end(), name.begin(), ::toupper);
    return name;
  };
  const std::string chosen = kernels({});
  if (chosen.empty()) GTEST_SKIP() << "another BLAS than OpenBLAS";
  if (best_blas_kernels().empty()) GTEST_SKIP() << "OpenBLAS chooses for itself here";
  EXPECT_EQ(chosen, best_blas_kernels());
  EXPECT_EQ(kernels({"OPENBLAS_CORETYPE=NEHALEM"}), "NEHALEM");
}

TEST(Program, CaptionsWithTheInstructionsThatOneDnnIsLeft) {
  const TemporaryFolder folder;
  const auto picture = folder.write("1.jpg", encoded(".jpg", gradient(64, 64))).string();
  for (const char* precision : {"fp32", "bf16", "int8"}) {
    const auto run = run_command({"/usr/bin/env", "ONEDNN_MAX_CPU_ISA=AVX2", ATTEND_PROGRAM, "caption", "--model",
                                  ATTEND_TINY_MODEL, "--threads", "1", "--precision", precision, picture});
    EXPECT_EQ(run.status, 0) << precision << ": " << run.err;
    EXPECT_THAT(run.out_lines(), SizeIs(1)) << precision;
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
  const auto& limits = figures["limits of the machine"];
  EXPECT_GT(limits["matrix_products_fp32_gflop_per_s"].get<double>(), 0.1);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // they slow the one, but not OpenBLAS
  // No product is faster than multiply-adds in registers; but for what else the machine does while either is measured.
  EXPECT_GT(limits["peak_rate_fp32_gflop_per_s"].get<double>(),
            0.8 * limits["matrix_products_fp32_gflop_per_s"].get<double>());
#endif
  const auto& parts = figures["parts"];
  EXPECT_GT(parts["training_speed_tokens_per_s"].get<double>(), 1);
  EXPECT_GT(parts["share_of_decoding_beam_5_percent"].get<double>(), 0);
  EXPECT_LT(parts["share_of_decoding_beam_5_percent"].get<double>(), 100);
}

}  // namespace
}  // namespace attend::testing
