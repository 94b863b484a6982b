// Hard attention, through the program.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "app/run_command.h"
#include "app/tiny_model.h"
#include "vision/picture_files.h"

namespace attend::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class HardAttentionCommand : public ::testing::Test {
 protected:
  std::string at(const std::string& name) const { return (folder_.path() / name).string(); }
  std::string picture() const { return folder_.write("in/a.jpg", encoded(".jpg", gradient(90, 60))).string(); }
  /// The tests' model, looking at one cell at a time.
  std::string hard_model() const {
    TinyModel model;
    model.edit("options", [](Json& options) { options["attention"]["kind"] = "hard"; });
    const std::string bytes = model.bytes();
    return folder_.write("hard.safetensors", {bytes.begin(), bytes.end()}).string();
  }
  static Json record(const std::string& model, const std::string& picture, const std::string& locations) {
    const auto run = attend_command(
        {"caption", picture, "--model", model, "--format", "jsonl", "--locations", locations, "--threads", "1"});
    EXPECT_EQ(run.status, 0) << run.err;
    return Json::parse(run.out);
  }

  TemporaryFolder folder_;
};

TEST_F(HardAttentionCommand, SaysWhichCellEachWordLookedAt) {
  const std::string model = hard_model(), file = picture();
  for (const char* locations : {"argmax", "sampled"}) {
    const Json said = record(model, file, locations);
    for (const auto& word : said["words"]) {
      const int64_t row = word["location"][0], column = word["location"][1];
      ASSERT_TRUE(row >= 0 && row < said["grid"][0] && column >= 0 && column < said["grid"][1]);
      const auto weights = word["attention"].get<std::vector<double>>();
      if (std::string(locations) == "argmax") {
        EXPECT_EQ(weights[static_cast<size_t>(row * said["grid"][1].get<int64_t>() + column)],
                  *std::max_element(weights.begin(), weights.end()));
      }
    }
  }
  EXPECT_FALSE(record(model, file, "expected")["words"][0].contains("location"));
}

TEST_F(HardAttentionCommand, OutlinesTheCellOnOverlaysAndOffersItOnThePage) {
  constexpr const char* kCell = R"("name":"chosen cell")";
  const std::string model = hard_model(), file = picture();
  for (const std::string locations : {"argmax", "expected"}) {
    const auto run =
        attend_command({"caption", file, "--model", model, "--locations", locations, "--overlay", at(locations),
                        "--overlay-format", "png", "--html", at(locations + ".html"), "--threads", "1"});
    ASSERT_EQ(run.status, 0) << run.err;
  }
  EXPECT_NE(read_file(at("argmax/a.png")), read_file(at("expected/a.png")));
  EXPECT_THAT(read_file(at("argmax.html")), HasSubstr(kCell));
  EXPECT_THAT(read_file(at("expected.html")), Not(HasSubstr(kCell)));
}

TEST_F(HardAttentionCommand, SoftModelsHaveNoLocations) {
  const auto run = attend_command({"caption", picture(), "--model", ATTEND_TINY_MODEL, "--locations", "argmax"});
  EXPECT_EQ(run.status, 2);
  EXPECT_EQ(run.out, "");
  EXPECT_THAT(run.err, HasSubstr("decode.locations: argmax needs a model with hard attention; this one's is soft"));
}

TEST_F(HardAttentionCommand, TrainingRefusesTheImpossibleBeforeAnyWork) {
  const auto refusal = [&](std::vector<std::string> flags) {
    flags.insert(flags.begin(), {"train", "--output", at("run"), "--train-captions", at("nowhere.json")});
    const auto run = attend_command(flags);
    EXPECT_EQ(run.status, 2) << run.err;
    EXPECT_FALSE(fs::exists(at("run")));
    return run.err;
  };
  EXPECT_THAT(refusal({"--attention-score", "multi_head", "--attention-heads", "7"}), HasSubstr("7 don't divide"));
  EXPECT_THAT(refusal({"--attention-kind", "hard", "--attention-score", "gaussian"}), HasSubstr("no distribution"));
  EXPECT_THAT(refusal({"--attention-window", "local_p", "--attention-window-radius", "9"}),
              HasSubstr("larger than the grid"));
  EXPECT_THAT(refusal({"--attention-score", "dot", "--decoder-annotation-size", "64"}), HasSubstr("annotation_size"));
  EXPECT_THAT(refusal({"--attention-self-kind", "graph"}), HasSubstr("attention.self_blocks is 0"));
  EXPECT_THAT(refusal({"--attention-recalibration", "se", "--attention-reduction", "9999"}),
              HasSubstr("leaves nothing of the annotation size"));
  EXPECT_THAT(refusal({"--objective", "self_critical"}), HasSubstr("initial_model"));
  EXPECT_THAT(refusal({"--locations", "sampled"}), HasSubstr("hard attention"));
}

TEST_F(HardAttentionCommand, TrainingRefusesAModelOfAnotherNetworkByName) {
  const auto run = attend_command({"train", "--output", at("run"), "--initial-model", ATTEND_TINY_MODEL, "--family",
                                   "efficientnet-lite0", "--attention-score", "general", "--decoder-hidden-size", "16",
                                   "--train-captions", at("nowhere.json")});
  EXPECT_EQ(run.status, 2);
  EXPECT_THAT(run.err, HasSubstr("attention.score is \"general\", but \"additive\" in"));
}

}  // namespace
}  // namespace attend::testing
