// `attend average`, run as a user runs it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <opencv2/core.hpp>

#include "app/run_command.h"
#include "app/tiny_model.h"
#include "vision/picture_files.h"

namespace attend::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using ::testing::StartsWith;

class AverageCommand : public ::testing::Test {
 protected:
  std::string at(const std::string& name) const { return (folder_.path() / name).string(); }
  std::string write(const std::string& name, const TinyModel& model) const {
    const std::string bytes = model.bytes();
    return folder_.write(name, {bytes.begin(), bytes.end()}).string();
  }
  /// The values of an fp16 tensor of a model file.
  static std::vector<float> values(const TinyModel& model, const std::string& name) {
    const auto& offsets = model.header[name]["data_offsets"];
    std::string bytes = model.tensors.substr(offsets[0], offsets[1].get<size_t>() - offsets[0].get<size_t>());
    cv::Mat wide;
    cv::Mat(1, static_cast<int>(bytes.size() / 2), CV_16F, bytes.data()).convertTo(wide, CV_32F);
    return {wide.begin<float>(), wide.end<float>()};
  }

  TemporaryFolder folder_;
};

TEST_F(AverageCommand, WritesAModelWhoseWeightsAreTheMean) {
  const std::string name = "decoder.embedding.weight";
  const TinyModel first;
  TinyModel second;
  const auto& offsets = second.header[name]["data_offsets"];
  for (size_t i = offsets[0]; i < offsets[1]; ++i) second.tensors[i] = 0;
  second.edit("about", [](Json& about) { about = {{"licence", "CC0-1.0"}, {"seed", 2}, {"validation", {{"x", 1}}}}; });
  const std::string other = write("second.safetensors", second), mean = at("mean.safetensors");
  const auto run = attend_command({"average", ATTEND_TINY_MODEL, other, other, "--output", mean});
  ASSERT_EQ(run.status, 0) << run.err;
  EXPECT_EQ(run.out, mean + "\n");

  const TinyModel made(mean);
  const auto before = values(first, name), after = values(made, name);
  ASSERT_THAT(after, SizeIs(before.size()));
  double largest = 0;
  for (size_t i = 0; i < before.size(); ++i) {
    EXPECT_NEAR(after[i], before[i] / 3, 1e-3 * std::abs(before[i]) + 1e-6);
    largest = std::max<double>(largest, std::abs(before[i]));
  }
  EXPECT_GT(largest, 0.1);
  EXPECT_EQ(values(made, "decoder.init_h.weight"), values(first, "decoder.init_h.weight"));
  for (const char* key : {"options", "vocabulary"})
    EXPECT_EQ(made.header["__metadata__"][key], first.header["__metadata__"][key]) << key;

  const Json about = Json::parse(attend_command({"inspect", "--json", mean}).out)["about"];
  EXPECT_EQ(about["licence"], "CC0-1.0");
  EXPECT_FALSE(about.contains("seed"));
  EXPECT_FALSE(about.contains("validation"));
  ASSERT_THAT(about["average_of"], SizeIs(3));
  EXPECT_EQ(about["average_of"][0], Json({{"file", ATTEND_TINY_MODEL}}));
  EXPECT_EQ(about["average_of"][1], Json({{"file", other}, {"seed", 2}, {"validation", {{"x", 1}}}}));

  const std::string picture = folder_.write("x.jpg", encoded(".jpg", gradient(40, 40))).string();
  EXPECT_EQ(attend_command({"caption", picture, "--model", mean, "--threads", "1"}).status, 0);
}

TEST_F(AverageCommand, TheMeanDecodesAsTheFirstModelButForWhatFlagsSay) {
  TinyModel first;
  first.edit("decode", [](Json& decode) { decode = {{"beam_width", 3}, {"length_exponent", 1.5}}; });
  const std::string file = write("first.safetensors", first), mean = at("mean.safetensors");
  const auto decode_of = [](const std::string& model) {
    return Json::parse(attend_command({"inspect", "--json", model}).out)["decode"];
  };
  ASSERT_EQ(attend_command({"average", file, ATTEND_TINY_MODEL, "--output", mean, "--length-exponent", "0.5"}).status,
            0);
  EXPECT_EQ(decode_of(mean)["beam_width"], 3);
  EXPECT_EQ(decode_of(mean)["length_exponent"], 0.5);
  const auto precision = [&] {
    const Json said = Json::parse(attend_command({"inspect", "--json", mean}).out);
    return said["encoder"]["precision"].get<std::string>() + " " + said["decoder"]["precision"].get<std::string>();
  };
  EXPECT_EQ(precision(), "fp32 fp32");
  ASSERT_EQ(attend_command({"average", file, ATTEND_TINY_MODEL, "--output", mean, "--precision", "int8"}).status, 0);
  EXPECT_EQ(precision(), "int8 int8");

  const auto refused =
      attend_command({"average", file, file, "--output", at("no.safetensors"), "--locations", "argmax"});
  EXPECT_EQ(refused.status, 2);
  EXPECT_THAT(refused.err, HasSubstr("locations"));
  EXPECT_FALSE(fs::exists(at("no.safetensors")));
}

TEST_F(AverageCommand, OfAModelWithItselfIsTheModel) {
  ASSERT_EQ(
      attend_command({"average", ATTEND_TINY_MODEL, ATTEND_TINY_MODEL, "--output", at("same.safetensors")}).status, 0);
  EXPECT_TRUE(TinyModel(at("same.safetensors")).tensors == TinyModel().tensors);
}

TEST_F(AverageCommand, OfASingleModelIsTheModelWithOtherDefaults) {
  const std::string copy = at("copy.safetensors");
  ASSERT_EQ(attend_command({"average", ATTEND_TINY_MODEL, "--output", copy, "--input-size", "64", "--beam-width", "7"})
                .status,
            0);
  EXPECT_TRUE(TinyModel(copy).tensors == TinyModel().tensors);
  const Json said = Json::parse(attend_command({"inspect", "--json", copy}).out);
  EXPECT_EQ(said["encoder"]["input_size"], 64);
  EXPECT_EQ(said["decode"]["beam_width"], 7);
  EXPECT_EQ(said["about"], Json({{"licence", "CC0-1.0"}}));
}

TEST_F(AverageCommand, RefusesWhatCannotBeAveragedAndWritesNothing) {
  TinyModel cat;
  cat.edit("vocabulary", [](Json& words) { words[5] = "cat"; });
  TinyModel hard;
  hard.edit("options", [](Json& options) { options["attention"]["kind"] = "hard"; });
  const std::string looks_at_cells = write("hard.safetensors", hard);
  const std::string other = write("cat.safetensors", cat), mean = at("mean.safetensors"), tiny = ATTEND_TINY_MODEL;
  const auto refused = [&](std::vector<std::string> arguments, int status) {
    arguments.insert(arguments.begin(), "average");
    const auto run = attend_command(arguments);
    EXPECT_EQ(run.status, status);
    EXPECT_EQ(run.out, "");
    EXPECT_THAT(run.err_lines(), SizeIs(1)) << run.err;
    EXPECT_FALSE(fs::exists(mean));
    return run.err;
  };
  EXPECT_THAT(refused({tiny, other, "--output", mean}, 1), StartsWith("attend: " + other + ": its vocabulary isn't"));
  EXPECT_EQ(refused({tiny, ATTEND_WIDE_MODEL, "--output", mean}, 1),
            "attend: " + tiny +
                ": decoder.hidden_size is 16, but 24 in " ATTEND_WIDE_MODEL
                "; only models of the same network can be averaged\n");
  EXPECT_THAT(refused({tiny, looks_at_cells, "--output", mean}, 1),
              HasSubstr("attention.kind is soft, but hard in " + looks_at_cells));
  EXPECT_THAT(refused({tiny, at("none"), "--output", mean}, 1), HasSubstr("none: No such file"));
  EXPECT_THAT(refused({tiny, other}, 2), HasSubstr("--output"));
  EXPECT_THAT(refused({"--output", mean}, 2), HasSubstr("missing argument"));
  EXPECT_THAT(refused({other, "--output", other}, 2), HasSubstr("is read by this command and would be replaced"));
  EXPECT_THAT(refused({tiny, tiny, "--output", at("no/folder/mean.safetensors")}, 1), HasSubstr("no/folder"));
  const std::string before = read_file(other);
  EXPECT_THAT(refused({tiny, other, "--output", other}, 2), HasSubstr("is read by this command and would be replaced"));
  EXPECT_TRUE(read_file(other) == before);
}

}  // namespace
}  // namespace attend::testing
