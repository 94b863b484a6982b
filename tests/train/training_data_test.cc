// B pictures in a batch · N words in all captions together
#include "train/training_data.h"

#include <gmock/gmock.h>

#include <map>
#include <set>

#include "base/said.h"
#include "train/trainer_fixture.h"

namespace attend {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// The shapes in two sources: training pictures 0 to 15 with all validation pictures, and 16 to 23, every other of which says
/// that it is rebuilt.
class TrainingDataTest : public TrainerTest {
 protected:
  TrainJob sources_job() {
    auto run = job("sources");
    const Json all = read_json_file(run.data.train_captions);
    Json parts[2];
    for (size_t i = 0; i < 24; ++i) {
      Json annotation = all["annotations"][i];
      annotation["source"] = i % 2 == 0 ? "human" : "rebuilt";
      parts[i < 16 ? 0 : 1]["images"].push_back(all["images"][i]);
      parts[i < 16 ? 0 : 1]["annotations"].push_back(annotation);
    }
    for (const size_t s : {0, 1}) {
      auto& source = run.data.sources.emplace_back();
      source.name = s == 0 ? "first" : "second";
      source.images = run.data.images;
      source.train_captions = folder_ / ("part" + std::to_string(s) + ".json");
      write_file_atomically(source.train_captions, parts[s].dump());
    }
    run.data.sources[0].val_captions = run.data.val_captions;
    run.data.train_captions = run.data.val_captions = run.data.images = "";
    return run;
  }
  static Vocabulary vocabulary_of(const TrainingData& data) { return Vocabulary::build(data.all_tokens(), 1); }
};

TEST_F(TrainingDataTest, AnEpochShowsEachSourcesShare) {
  auto run = sources_job();
  run.data.sources[0].share = 0.3;  // of 16: 5
  TrainingData data(run);
  const auto vocabulary = vocabulary_of(data);
  data.number_words(vocabulary);
  EXPECT_EQ(data.steps_per_epoch(), 2);
  std::set<size_t> ever;
  std::set<std::set<size_t>> different;
  for (int64_t epoch = 1; epoch <= 20; ++epoch) {
    std::map<size_t, std::set<size_t>> shown;
    size_t count = 0;
    for (const auto& plan : data.batches(epoch))
      for (const size_t i : plan.examples) shown[data.dataset().examples[i].source].insert(i), ++count;
    EXPECT_EQ(count, 13u);
    EXPECT_EQ(shown[0].size(), 5u);
    EXPECT_EQ(shown[1].size(), 8u);
    ever.insert(shown[0].begin(), shown[0].end());
    different.insert(shown[0]);
  }
  EXPECT_EQ(ever.size(), 16u);
  EXPECT_GT(different.size(), 10u);
}

TEST_F(TrainingDataTest, WordsCountByTheWeightsOfTheirSourceAndOriginWhoseMeanIsOne) {
  auto run = sources_job();
  run.data.sources[1].weight = 2;
  run.data.caption_weights = {{"rebuilt", 0.25}};
  TrainingData data(run);
  const auto vocabulary = vocabulary_of(data);
  data.number_words(vocabulary);
  std::set<double> found;
  double sum = 0, words = 0;
  for (const auto& plan : data.batches(1)) {
    const auto batch = data.load(plan, 1, true, {});
    ASSERT_TRUE(batch.weights.defined());
    EXPECT_EQ(batch.weights.numel(), batch.captions.targets.numel());
    sum += batch.weights.sum().item<double>();
    words += static_cast<double>(batch.weights.numel());
    for (int64_t n = 0; n < batch.weights.numel(); ++n) found.insert(batch.weights[n].item<double>());
  }
  EXPECT_NEAR(sum, words, 1e-3);
  ASSERT_EQ(found.size(), 4u);  // 0.25, 0.5, 1 and 2, over their mean
  std::vector<double> ratios;
  for (const double weight : found) ratios.push_back(weight / *found.begin());
  EXPECT_THAT(ratios, ::testing::Pointwise(::testing::DoubleNear(1e-5), {1.0, 2.0, 4.0, 8.0}));
}

TEST_F(TrainingDataTest, EqualWeightsAreNone) {
  auto run = sources_job();
  for (auto& source : run.data.sources) source.weight = 3;
  TrainingData data(run);
  const auto vocabulary = vocabulary_of(data);
  data.number_words(vocabulary);
  EXPECT_FALSE(data.load(data.batches(1).front(), 1, true, {}).weights.defined());
  for (auto& source : run.data.sources) source.weight = 0;
  TrainingData nothing(run);
  EXPECT_THROW(nothing.number_words(vocabulary), UsageError);
  run.data.caption_weights = {{"rebuild", 1}};
  try {
    TrainingData refused(run);
    FAIL() << "took a weight of what no caption says";
  } catch (const UsageError& error) {
    EXPECT_THAT(error.what(), HasSubstr("is rebuild"));
  }
}

TEST_F(TrainingDataTest, SaysWhatComesFromWhere) {
  const TrainingData data(sources_job());
  EXPECT_THAT(
      data.summary(),
      ElementsAre("data: first: 16 captions of 16 training pictures (human 8, rebuilt 8), 8 validation pictures",
                  "data: second: 8 captions of 8 training pictures (human 4, rebuilt 4), none to validate on"));
  const Json said = data.summary_json();
  EXPECT_EQ(said["sources"][1]["name"], "second");
  EXPECT_EQ(said["sources"][1]["origins"]["rebuilt"], 4);
  EXPECT_EQ(said["sources"][0]["validation_captions"], 8);
}

TEST_F(TrainingDataTest, SentencesAreTheCaptionsOfALastPictureThatIsLeftOut) {
  auto run = job("sentences");
  run.data.sentences = folder_ / "sentences.txt";
  std::string text;
  for (int i = 0; i < 20; ++i) text += "a sentence of " + std::to_string(i + 100) + "\n";
  write_file_atomically(run.data.sentences, text);
  run.train.sentence_share = 0.75;  // three beside each caption
  run.train.sentence_epochs = 2;
  TrainingData data(run);
  const auto vocabulary = vocabulary_of(data);
  EXPECT_NE(vocabulary.id("sentence"), Vocabulary::kUnknown);
  data.number_words(vocabulary);
  std::map<size_t, int> often;
  for (const auto& plan : data.batches(2)) {
    ASSERT_EQ(plan.sentences.size(), 3 * plan.examples.size());
    for (const size_t i : plan.sentences) ++often[i];
    const auto batch = data.load(plan, 2, true, {});
    EXPECT_TRUE(batch.has_sentences);
    EXPECT_EQ(batch.examples.size(), 8u);
    EXPECT_EQ(batch.captions.pictures.max().item<int64_t>(), 8);
    EXPECT_EQ((batch.captions.pictures == 8).sum().item<int64_t>(), 24);
    EXPECT_FALSE(batch.weights.defined());
  }
  EXPECT_EQ(often.size(), 20u);
  for (const auto& [sentence, times] : often) EXPECT_TRUE(times == 3 || times == 4) << sentence;
  EXPECT_TRUE(data.batches(3).front().sentences.empty());
  EXPECT_FALSE(data.load(data.batches(3).front(), 3, true, {}).has_sentences);
}

TEST_F(TrainingDataTest, PicturesThatCanNotBeReadAreLeftOutUpToTheirShare) {
  auto run = job("left-out");
  const fs::path images = folder_ / "damaged";
  fs::copy(run.data.images, images);
  run.data.images = images;
  for (const char* name : {"train_00003.png", "train_00010.png", "val_00001.png"}) fs::resize_file(images / name, 100);
  for (const double share : {0.5, 0.05}) {
    run.data.max_faulty = share;
    TrainingData data(run);
    Said heard;
    std::string refusal;
    try {
      data.check_pictures();
    } catch (const InputError& error) {
      refusal = error.what();
    }
    const std::string& said = heard.text;
    for (const char* name : {"train_00003.png", "train_00010.png", "val_00001.png"}) EXPECT_THAT(said, HasSubstr(name));
    if (share < 0.1) {
      EXPECT_THAT(refusal, HasSubstr("3 of 32 pictures can't be read, more than --max-faulty"));
      continue;
    }
    EXPECT_EQ(refusal, "");
    EXPECT_EQ(data.train().size(), 22u);
    EXPECT_EQ(data.validation().size(), 7u);
    EXPECT_THAT(data.left_out(),
                ElementsAre(images / "train_00003.png", images / "train_00010.png", images / "val_00001.png"));
  }
}

}  // namespace
}  // namespace attend
