// Every kind of attention, through the program: trained, written, read, captioned with, drawn, explained and scored with.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "app/run_command.h"
#include "vision/picture_files.h"

namespace attend::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::Ge;
using ::testing::HasSubstr;
using ::testing::Le;
using ::testing::SizeIs;
using Flags = std::vector<std::string>;

struct Kind {
  const char* name;
  Flags flags;
};

class EveryKind : public ::testing::TestWithParam<Kind> {
 protected:
  std::string at(const std::string& name) const { return (folder_.path() / name).string(); }
  static Outcome run(Flags arguments, const Flags& more) {
    arguments.insert(arguments.end(), more.begin(), more.end());
    arguments.insert(arguments.end(), {"--threads", "1"});
    return attend_command(arguments);
  }

  TemporaryFolder folder_;
};

TEST_P(EveryKind, TrainsCaptionsDrawsExplainsAndScores) {
  attend_command({"shapes", at("data"), "--train", "8", "--val", "2", "--test", "1", "--picture-size", "48"});
  // In a recipe: a flag that has no effect, as those of other kinds, would be refused.
  const std::string recipe = R"({
      "data": {"train_captions": "data/captions_train.json", "val_captions": "data/captions_val.json",
               "images": "data/images"},
      "encoder": {"family": "efficientnet-lite0", "input_size": 96},
      "attention": {"size": 16, "heads": 2, "reduction": 2, "window_radius": 1, "persistent_vectors": 4},
      "decoder": {"hidden_size": 16, "embedding_size": 16, "annotation_size": 16},
      "train": {"epochs": 2, "batch_size": 4, "min_word_count": 1, "validation_beam": 1}})";
  folder_.write("recipe.json", {recipe.begin(), recipe.end()});
  const auto trained =
      run({"train", "--config", at("recipe.json"), "--output", at("run"), "--encoder-weights", ATTEND_TINY_MODEL},
          GetParam().flags);
  ASSERT_EQ(trained.status, 0) << trained.err;
  const Flags model{"--model", at("run/model.safetensors"), "--precision", "fp32"};
  const std::string picture = folder_.write("a.jpg", encoded(".jpg", gradient(90, 60))).string();
  const auto captioned = run({"caption", picture, "--format", "jsonl", "--min-length", "2", "--max-length", "6",
                              "--overlay", at("pages"), "--explain", "plain", "--must", "red"},
                             model);
  ASSERT_EQ(captioned.status, 0) << captioned.err;
  EXPECT_TRUE(fs::exists(at("pages/a.jpg")));
  const Json said = Json::parse(captioned.out);
  ASSERT_THAT(said["words"], SizeIs(Ge(2u)));
  for (const auto& word : said["words"]) {
    const auto weights = word["attention"].get<std::vector<double>>();
    ASSERT_THAT(weights, SizeIs(9));
    EXPECT_NEAR(std::accumulate(weights.begin(), weights.end(), 0.0), 1, 1e-4);
    EXPECT_THAT(word["rank_correlation"].get<double>(), AllOf(Ge(-1.0), Le(1.0)));
  }
  folder_.write("said.jsonl", {captioned.out.begin(), captioned.out.end()});
  const auto scored = run({"score", "--captions", at("said.jsonl"), "--format", "jsonl"}, model);
  ASSERT_EQ(scored.status, 0) << scored.err;
  const Json given = Json::parse(scored.out);
  EXPECT_NEAR(given["log_probability"].get<double>(), said["log_probability"].get<double>(), 1e-4);
  ASSERT_EQ(given["words"].size(), said["words"].size());
  for (size_t t = 0; t < given["words"].size(); ++t)
    for (size_t i = 0; i < 9; ++i)
      EXPECT_NEAR(given["words"][t]["attention"][i].get<double>(), said["words"][t]["attention"][i].get<double>(), 1e-4)
          << t;
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, EveryKind,
    ::testing::Values(
        Kind{"convolutional", {"--attention-score", "convolutional"}},
        Kind{"attentive_reader", {"--attention-score", "attentive_reader"}},
        Kind{"impatient_reader", {"--attention-score", "impatient_reader"}},
        Kind{"se", {"--attention-recalibration", "se"}}, Kind{"cbam", {"--attention-recalibration", "cbam"}},
        Kind{"all_attention", {"--attention-self-blocks", "1", "--attention-self-kind", "all_attention"}},
        Kind{"graph", {"--attention-self-blocks", "1", "--attention-self-kind", "graph"}},
        Kind{"hard_convolutional", {"--attention-kind", "hard", "--attention-score", "convolutional"}},
        Kind{"hard_attentive_reader", {"--attention-kind", "hard", "--attention-score", "attentive_reader"}},
        Kind{"hard_impatient_reader_in_a_window_over_graph_and_cbam",
             {"--attention-kind", "hard", "--attention-score", "impatient_reader", "--attention-window", "local_p",
              "--attention-self-blocks", "1", "--attention-self-kind", "graph", "--attention-recalibration", "cbam"}}),
    [](const auto& kind) { return std::string(kind.param.name); });

}  // namespace
}  // namespace attend::testing
