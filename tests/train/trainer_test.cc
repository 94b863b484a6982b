#include <numeric>

#include "base/said.h"
#include "model/safetensors.h"
#include "text/ptb_tokenizer.h"
#include "train/objective.h"
#include "train/optimizer.h"
#include "train/trainer_fixture.h"

namespace attend {
namespace {

/// Holds the checkpoints of two runs against each other, bit by bit; returns what both say beside their tensors.
Json expect_same_checkpoint(const TrainJob& one, const TrainJob& other) {
  const auto a = read_safetensors(one.output / "checkpoint.safetensors");
  const auto b = read_safetensors(other.output / "checkpoint.safetensors");
  EXPECT_EQ(a.tensors.size(), b.tensors.size());
  for (const auto& [name, tensor] : a.tensors) EXPECT_TRUE(torch::equal(tensor, b.tensors.at(name))) << name;
  EXPECT_EQ(a.metadata, b.metadata);  // the baseline and the best figures among them
  return a.metadata;
}

TEST_F(TrainerTest, AnInterruptedRunEndsWithTheWeightsOfAnUninterruptedOne) {
  const auto straight = job("straight");
  train(straight);
  for (const int stop_after : {2, 3, 4}) {  // within an epoch, between two, and while the encoder is trained
    auto broken = job("broken-" + std::to_string(stop_after));
    broken.train.max_steps = stop_after;
    train(broken);
    broken.train.max_steps = 0;
    broken.resume = true;
    train(broken);
    SCOPED_TRACE("after a stop at step " + std::to_string(stop_after));
    expect_same_checkpoint(straight, broken);
  }
}

TEST_F(TrainerTest, ARunThatGoesOnWithOtherThreadsSaysSo) {
  auto run = job("threads");
  run.train.max_steps = 1;
  train(run);
  run.resume = true;
  for (const int threads : {1, 2}) {
    at::set_num_threads(threads);
    Said heard;
    train(run);
    const std::string& said = heard.text;
    EXPECT_EQ(said.find("computed with 1 thread") != std::string::npos, threads == 2) << said;
    EXPECT_EQ(said.find("goes on with 2 threads") != std::string::npos, threads == 2) << said;
  }
  at::set_num_threads(1);
}

/// What a run's log has under `figure`, a value a line that has it.
std::vector<double> logged(const std::vector<Json>& log, const char* figure) {
  std::vector<double> values;
  for (const auto& line : log)
    if (line.contains(figure)) values.push_back(line[figure]);
  return values;
}

/// Models that have learnt a little, and a run that learns from them.
class DistillationTest : public TrainerTest {
 protected:
  /// A model of a seed and input size of its own.
  static fs::path teacher(int seed, int input_size) {
    auto run = job("teacher-" + std::to_string(seed));
    run.model.encoder.input_size = input_size;
    run.train.seed = seed;
    run.train.epochs = 6;
    run.train.learning_rate = 0.01;
    run.train.fine_tune_stages = 0;
    if (!fs::exists(run.output / "model.safetensors")) train(run);
    return run.output / "model.safetensors";
  }
  static TrainJob student_job(const std::string& output) {
    auto run = job(output);
    run.train.seed = 3;
    run.train.teacher = {teacher(1, 64), teacher(2, 96)};
    run.augment.flip = true;
    return run;
  }
};

TEST_F(DistillationTest, TheStudentComesNearerToItsTeachersThanCaptionsAloneBringIt) {
  double last[2] = {};
  for (const int weight : {0, 1}) {
    auto run = student_job("student-" + std::to_string(weight));
    run.train.distillation_weight = weight;
    run.train.epochs = 12;
    run.train.learning_rate = 0.01;
    run.train.fine_tune_from = 11;
    train(run);
    const auto divergence = logged(log_of(run), "distillation");
    ASSERT_EQ(divergence.size(), 36u);
    for (const double value : divergence) EXPECT_GT(value, 0);
    last[weight] = divergence.back();
    if (weight == 0) continue;
    EXPECT_LT(divergence.back(), 0.5 * divergence.front());
  }
  EXPECT_LT(last[1], 0.5 * last[0]);
}

TEST_F(DistillationTest, AModelThatBeginsAsItsOnlyTeacherHasNothingToLearnFromIt) {
  auto run = student_job("pupil");
  run.train.initial_model = teacher(1, 64);
  run.train.teacher = {teacher(1, 64)};
  run.model.decoder.dropout = run.model.decoder.annotation_dropout = 0;
  run.train.averaging = 0;
  run.train.learning_rate = run.train.encoder_learning_rate = 0;
  train(run);  // from the feature store in the first epoch, from changed pictures in the second
  const auto divergence = logged(log_of(run), "distillation");
  ASSERT_EQ(divergence.size(), 6u);
  for (const double value : divergence) EXPECT_NEAR(value, 0, 1e-4);
}

TEST_F(TrainerTest, AModelSaysHowOftenItsWordsStandInTheCaptionsItLearntLast) {
  auto first = job("counted");
  first.train.epochs = 1;
  first.train.fine_tune_stages = 0;
  train(first);
  const auto counts_of = [](const fs::path& model) {
    return load_captioner(model / "model.safetensors").vocabulary.counts();
  };
  std::vector<std::vector<std::string>> captions;
  for (const auto& example : read_dataset(first.data).examples)
    if (example.split == "train")
      for (const auto& caption : example.captions) captions.push_back(caption_tokens(caption));
  const auto counts = Vocabulary::build(captions, 1).counts();
  EXPECT_EQ(counts_of(first.output), counts);

  auto second = job("counted-again");
  second.train.epochs = 1;
  second.train.initial_model = folder_ / "of-other-captions.safetensors";
  auto other = load_captioner(first.output / "model.safetensors");
  other.vocabulary = other.vocabulary.counted({{"other", "words"}});
  save_captioner(other, second.train.initial_model);
  train(second);
  EXPECT_EQ(counts_of(second.output), counts);
}

TEST_F(DistillationTest, AnInterruptedRunEndsWithTheWeightsOfAnUninterruptedOne) {
  const auto straight = student_job("student-straight");
  train(straight);
  auto broken = straight;
  broken.output = folder_ / "student-broken";
  broken.train.max_steps = 4;  // while the encoder is trained
  train(broken);
  broken.train.max_steps = 0;
  broken.resume = true;
  train(broken);
  expect_same_checkpoint(straight, broken);
}

TEST_F(DistillationTest, RefusesATeacherOfOtherWords) {
  auto run = student_job("student-refused");
  run.train.min_word_count = 20;
  try {
    train(run);
    FAIL() << "learnt from a teacher of other words";
  } catch (const InputError& error) {
    EXPECT_NE(std::string(error.what()).find("teacher-1"), std::string::npos) << error.what();
  }
}

/// A run of a few steps, and one that raises the reward of what it said from there on.
class SelfCriticalTrainerTest : public TrainerTest {
 protected:
  static TrainJob self_critical_job(const std::string& output) {
    auto first = job("initial");
    first.train.epochs = 6;
    first.train.learning_rate = 0.01;
    first.train.fine_tune_stages = 0;
    if (!fs::exists(first.output / "model.safetensors")) train(first);
    auto run = job(output);
    run.train.initial_model = first.output / "model.safetensors";
    run.train.objective = "self_critical";
    run.train.reward_samples = 4;
    run.train.averaging = 0;
    return run;
  }
};

TEST_F(SelfCriticalTrainerTest, AnInterruptedRunEndsWithTheWeightsOfAnUninterruptedOne) {
  auto straight = self_critical_job("self-critical");
  straight.train.reward_baseline = "greedy";
  straight.train.reward_cross_entropy = 0.1;
  train(straight);
  for (const int stop_after : {2, 3, 4}) {  // within an epoch, between two, and while the encoder is trained
    auto broken = straight;
    broken.output = folder_ / ("self-critical-broken-" + std::to_string(stop_after));
    broken.train.max_steps = stop_after;
    train(broken);
    broken.train.max_steps = 0;
    broken.resume = true;
    broken.threads = 2;
    train(broken);
    const auto a = read_safetensors(straight.output / "checkpoint.safetensors");
    const auto b = read_safetensors(broken.output / "checkpoint.safetensors");
    for (const auto& [name, tensor] : a.tensors)
      EXPECT_TRUE(torch::equal(tensor, b.tensors.at(name))) << name << " after a stop at step " << stop_after;
  }
}

TEST_F(SelfCriticalTrainerTest, KeepsTheLastEpochWhereAskedToAndValidatesAnEpochThatMaxStepsEnds) {
  auto run = self_critical_job("self-critical-last");
  run.train.learning_rate = 0;  // no epoch is better than the model it begins with
  run.train.encoder_learning_rate = 0;
  run.train.weight_decay = 0;
  run.train.max_steps = 3;
  for (const std::string keep : {"best", "last"}) {
    run.output = folder_ / ("self-critical-keeps-" + keep);
    run.train.keep = keep;
    train(run);
    EXPECT_EQ(load_captioner(run.output / "model.safetensors").about["validation"]["epoch"], keep == "best" ? 0 : 1);
  }
}

TEST_F(SelfCriticalTrainerTest, RaisesTheRewardOfItsSamples) {
  auto run = self_critical_job("self-critical-learns");
  run.train.epochs = 12;
  run.train.learning_rate = 0.005;
  run.train.fine_tune_stages = 0;
  train(run);
  std::vector<double> rewards;
  for (const auto& line : log_of(run))
    if (line.contains("sampled_reward")) rewards.push_back(line["sampled_reward"]);
  ASSERT_EQ(rewards.size(), 36u);
  const double before = std::accumulate(rewards.begin(), rewards.begin() + 6, 0.0) / 6;
  const double after = std::accumulate(rewards.end() - 6, rewards.end(), 0.0) / 6;
  EXPECT_GT(after, 1.3 * before);
}

TEST_F(SelfCriticalTrainerTest, ValidatesTheModelItBeginsWithAndKeepsItWhereNoEpochIsBetter) {
  auto run = self_critical_job("self-critical-kept");
  run.train.learning_rate = 0;
  run.train.encoder_learning_rate = 0;
  run.train.weight_decay = 0;
  train(run);
  std::vector<Json> validations;
  for (const auto& line : log_of(run))
    if (line.contains("validation_cider")) validations.push_back(line);
  ASSERT_EQ(validations.size(), 3u);
  EXPECT_EQ(validations[0]["epoch"], 0);
  EXPECT_EQ(validations[0]["step"], 0);
  EXPECT_TRUE(validations[0]["best"].get<bool>());
  EXPECT_FALSE(validations[1]["best"].get<bool>());
  EXPECT_TRUE(validations[0].contains("bad_endings"));
  EXPECT_TRUE(validations[0].contains("repetitions"));
}

TEST_F(SelfCriticalTrainerTest, RefusesWhatCannotWorkBeforeItBegins) {
  const auto refusal = [](const TrainJob& run) -> std::string {
    try {
      train(run);
    } catch (const Error& error) {
      return error.what();
    }
    return "trained";
  };
  const auto good = self_critical_job("self-critical-refused");
  auto run = good;
  run.train.initial_model = "";
  EXPECT_NE(refusal(run).find("train.initial_model"), std::string::npos) << refusal(run);
  EXPECT_FALSE(fs::exists(run.output));
  run = good;
  run.train.reward_samples = 1;
  EXPECT_NE(refusal(run).find("train.reward_samples"), std::string::npos) << refusal(run);
  run.train.reward_baseline = "greedy";
  EXPECT_NO_THROW(run.train.check());
  run = good;
  run.train.reward_meteor = 1;
  EXPECT_NE(refusal(run).find("tools/fetch-meteor"), std::string::npos) << refusal(run);
  EXPECT_FALSE(fs::exists(run.output));
  run = good;
  run.train.teacher = {run.train.initial_model};
  EXPECT_NE(refusal(run).find("train.reward_cross_entropy"), std::string::npos) << refusal(run);
  EXPECT_FALSE(fs::exists(run.output));
  run = good;
  Json captions = Json::parse(read_file(run.data.train_captions));
  captions["annotations"] = Json::array();
  run.data.train_captions = folder_ / "no-captions.json";
  write_file_atomically(run.data.train_captions, captions.dump());
  EXPECT_NE(refusal(run).find("no-captions.json"), std::string::npos) << refusal(run);
  EXPECT_NE(refusal(run).find("no captions"), std::string::npos) << refusal(run);
}

TEST_F(SelfCriticalTrainerTest, AnotherGreatestLengthOfSamplesIsAnotherRecipe) {
  auto run = self_critical_job("self-critical-length");
  run.train.max_steps = 1;
  train(run);
  run.resume = true;
  run.decode.max_length = 7;
  EXPECT_THROW(train(run), UsageError);
}

TEST_F(TrainerTest, AnInterruptedRunWithHardAttentionEndsWithTheWeightsOfAnUninterruptedOne) {
  auto straight = job("hard");
  straight.model.attention.kind = "hard";
  straight.decode.locations = "sampled";
  train(straight);
  auto broken = straight;
  broken.output = folder_ / "hard-broken";
  broken.train.max_steps = 2;
  train(broken);
  broken.train.max_steps = 0;
  broken.resume = true;
  train(broken);
  const Json metadata = expect_same_checkpoint(straight, broken);
  EXPECT_LT(Json::parse(metadata["progression"].get<std::string>())["baseline"].get<double>(), -0.1);
}

TEST(Learning, DecodesTheCaptionsItWasTrainedOn) {
  ModelOptions options;
  options.encoder.family = "efficientnet-lite0";
  options.attention.size = 32;
  options.decoder.hidden_size = 48;
  options.decoder.embedding_size = 32;
  options.decoder.annotation_size = 32;
  options.decoder.dropout = 0;
  torch::manual_seed(2);
  Captioner captioner(options, Vocabulary({"<pad>", "<start>", "<end>", "<unk>", "a", "red", "blue", "dog", "runs"}));
  const std::vector<std::string> texts = {"a red dog runs",   "a blue dog", "dog",
                                          "a dog runs a dog", "blue red",   "runs"};
  std::vector<std::vector<std::vector<int64_t>>> words;
  for (const auto& text : texts) words.push_back({captioner.vocabulary.encode(caption_tokens(text))});
  const auto packed = pack_captions(words);
  const auto annotations = torch::randn({6, 9, captioner.encoder->annotation_size()});  // [B, L, D]
  TrainOptions train;
  train.learning_rate = 0.01;
  train.label_smoothing = 0;
  train.averaging = 0;
  std::vector<TrainedParameter> parameters;
  for (auto& item : captioner.decoder->named_parameters()) parameters.push_back({item.key(), item.value()});
  Optimizer optimizer(parameters, train);
  auto& decoder = *captioner.decoder;
  double loss = 0;
  for (int step = 0; step < 120; ++step) {
    const auto now = cross_entropy_loss(decoder.teach(decoder.remember(annotations), packed), packed, train);
    now.total.backward();
    optimizer.clip();
    optimizer.step(1);
    loss = now.cross_entropy.item<double>();
  }
  EXPECT_LT(loss, 0.05);
  const auto captions = caption_annotations(captioner, annotations, DecodeOptions());
  for (size_t i = 0; i < texts.size(); ++i) EXPECT_EQ(captions[i][0].text, texts[i]);
}

TEST_F(TrainerTest, LeavesAModelThatCaptionsWithTheWeightsItWasValidatedWith) {
  const auto run = job("model");
  train(run);
  auto captioner = load_captioner(run.output / "model.safetensors");
  EXPECT_EQ(captioner.options.encoder.family, "efficientnet-lite0");
  EXPECT_EQ(captioner.decode["max_length"], 12);
  EXPECT_EQ(captioner.about["seed"], 1);
  EXPECT_TRUE(captioner.about["validation"].contains("validation_cider"));
  const torch::NoGradGuard no_grad;
  const auto pictures = torch::zeros({2, 64, 64, 3}, torch::kUInt8);  // [B, S, S, 3]
  const auto captions =
      caption_annotations(captioner, captioner.annotate(pictures), model_decode_options(captioner, "model"));
  ASSERT_EQ(captions.size(), 2u);
  EXPECT_EQ(captions[0][0].text, captions[1][0].text);
}

TEST_F(TrainerTest, AFinishedRunTakesOverAnotherWayToDecodeAndDescribe) {
  auto run = job("described");
  train(run);
  run.resume = true;
  run.decode.beam_width = 9;
  run.about.licence = "CC0";
  train(run);
  const auto captioner = load_captioner(run.output / "model.safetensors");
  EXPECT_EQ(captioner.decode["beam_width"], 9);
  EXPECT_EQ(captioner.about["licence"], "CC0");
  EXPECT_TRUE(captioner.about["validation"].contains("validation_cider"));
}

TEST_F(TrainerTest, ARunMayGetMoreEpochsButNotFewerThanItHasDone) {
  auto run = job("longer");
  train(run);
  run.resume = true;
  run.train.epochs = 3;
  Said said;
  train(run);
  EXPECT_NE(said.text.find("2 when this run was begun, 3 from here on"), std::string::npos);
  const auto log = log_of(run);
  EXPECT_EQ(log.back()["epoch"], 3);
  EXPECT_EQ(log.back()["step"], 9);
  EXPECT_EQ(read_safetensors(run.output / "model.safetensors").tensors.empty(), false);
  run.train.epochs = 2;
  try {
    train(run);
    FAIL() << "went on with fewer epochs than are done";
  } catch (const UsageError& error) {
    EXPECT_STREQ(error.what(), "train.epochs 2: this run is in epoch 3 already");
  }
}

TEST_F(TrainerTest, GoesOnWhereverItsPathsAreWrittenFrom) {
  auto run = job("elsewhere");
  run.train.max_steps = 1;
  const auto before = fs::current_path();
  fs::current_path(folder_);
  for (auto* path : {&run.data.train_captions, &run.data.val_captions, &run.data.images})
    *path = path->lexically_relative(folder_);
  train(run);
  fs::current_path(before);
  for (auto* path : {&run.data.train_captions, &run.data.val_captions, &run.data.images}) *path = folder_ / *path;
  run.resume = true;
  run.train.max_steps = 2;
  train(run);
  EXPECT_EQ(log_of(run).back()["step"], 2);
  // What the model file says of its recipe is as it was written when the run was begun.
  const Json recipe =
      Json::parse(read_safetensors(run.output / "checkpoint.safetensors").metadata["recipe"].get<std::string>());
  EXPECT_EQ(recipe["data"]["train_captions"], "shapes/captions_train.json");
  run.data.images = folder_ / "other";
  EXPECT_THROW(train(run), std::exception);
}

TEST_F(TrainerTest, LogsHowLikelyTheValidationCaptionsAre) {
  const auto run = job("perplexity");
  train(run);
  std::vector<double> losses;
  for (const auto& line : log_of(run)) {
    if (!line.contains("best")) continue;
    losses.push_back(line["validation_loss"]);
    EXPECT_NEAR(line["validation_perplexity"].get<double>(), std::exp(losses.back()), 1e-9);
  }
  ASSERT_EQ(losses.size(), 2u);
  // The documentation says what every field is.
  const std::string documentation = read_file(fs::path(ATTEND_SOURCE_DIR) / "docs/training.md");
  for (const auto& line : log_of(run))
    for (const auto& [key, value] : line.items())
      EXPECT_NE(documentation.find("`" + key + "`"), std::string::npos) << key;
  // Six steps from random weights: better than not knowing a thing, and better from epoch to epoch.
  const auto words = read_safetensors(run.output / "model.safetensors").tensors.at("decoder.embedding.weight").size(0);
  EXPECT_LT(losses[1], losses[0]);
  EXPECT_LT(losses[1], std::log(static_cast<double>(words)) + 0.1);
  EXPECT_GT(losses[1], 0);
}

TEST_F(TrainerTest, AStartThatFailsLeavesNoFolder) {
  auto run = job("failed");
  run.train.features = folder_ / "failed-features";
  run.data.images = folder_ / "broken-images";
  fs::copy(folder_ / "shapes/images", run.data.images, fs::copy_options::recursive);
  for (const auto& entry : fs::directory_iterator(run.data.images)) fs::resize_file(entry.path(), 40);
  EXPECT_THROW(train(run), InputError);
  EXPECT_FALSE(fs::exists(run.output));
}

TEST_F(TrainerTest, DoesNotTouchARunUnlessToldToGoOn) {
  auto run = job("kept");
  run.train.max_steps = 1;
  train(run);
  const auto before = read_file(run.output / "checkpoint.safetensors");
  EXPECT_THROW(train(run), UsageError);
  EXPECT_EQ(read_file(run.output / "checkpoint.safetensors"), before);
}

TEST_F(TrainerTest, NamesTheOptionInWhichARunDiffersFromItsRecipe) {
  auto run = job("recipe");
  run.train.max_steps = 1;
  train(run);
  run.resume = true;
  run.train.label_smoothing = 0.3;
  try {
    train(run);
    FAIL() << "went on with another recipe";
  } catch (const UsageError& error) {
    EXPECT_NE(std::string(error.what()).find("train.label_smoothing"), std::string::npos) << error.what();
  }
}

TEST_F(TrainerTest, StopsAtALossThatIsNoNumberAndKeepsTheCheckpoint) {
  auto run = job("nan");
  run.train.max_steps = 2;
  train(run);
  // Weights so far apart that their difference overflows make the next loss infinite.
  const auto file = read_safetensors(run.output / "checkpoint.safetensors");
  TensorMap tensors;
  for (const auto& [name, tensor] : file.tensors) tensors[name] = tensor.clone();
  auto& bias = tensors.at("weights/decoder.output_bias");  // [V]
  bias.fill_(std::numeric_limits<float>::lowest());
  bias[0] = std::numeric_limits<float>::max();
  write_safetensors(run.output / "checkpoint.safetensors", tensors,
                    file.metadata.get<std::map<std::string, std::string>>());
  const auto broken = read_file(run.output / "checkpoint.safetensors");
  run.train.max_steps = 0;
  run.resume = true;
  try {
    train(run);
    FAIL() << "went on";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("step 3"), std::string::npos) << error.what();
  }
  EXPECT_EQ(read_file(run.output / "checkpoint.safetensors"), broken);
}

TEST_F(TrainerTest, PlateauLowersTheRateAndPatienceEndsTheRun) {
  auto run = job("plateau");
  run.train.schedule = "plateau";
  run.train.epochs = 30;
  run.train.learning_rate = 0;  // nothing is learnt: no epoch after the first is better
  run.train.encoder_learning_rate = 0;
  run.train.weight_decay = 0;
  run.train.fine_tune_stages = 0;
  run.train.patience = 3;
  train(run);
  int64_t epochs = 0;
  for (const auto& line : log_of(run)) epochs += line.contains("validation_cider");
  EXPECT_EQ(epochs, 4);
}

TEST_F(SelfCriticalTrainerTest, LearnsOnAGpuWhatItLearnsOnTheProcessor) {
  if (!torch::cuda::is_available()) GTEST_SKIP() << "no CUDA device";
  at::globalContext().setAllowTF32CuDNN(false);
  for (const std::string kind : {"soft", "hard", "self_critical"}) {
    SCOPED_TRACE(kind);
    auto run = kind == "self_critical" ? self_critical_job("processor-" + kind) : job("processor-" + kind);
    run.threads = 2;
    run.model.decoder.dropout = run.model.decoder.annotation_dropout = 0;
    run.model.attention.kind = kind == "hard" ? "hard" : "soft";
    run.model.attention.expected_share = 1;  // which cells are drawn is no device's
    train(run);
    auto there = run;
    there.device = torch::Device(torch::kCUDA, 0);
    there.output = folder_ / ("gpu-" + kind);
    there.train.features = folder_ / "gpu-features";
    train(there);
    const auto processor = logged(log_of(run), "loss"), gpu = logged(log_of(there), "loss");
    ASSERT_EQ(processor.size(), 6u);
    ASSERT_EQ(gpu.size(), 6u);
    const auto samples = logged(log_of(there), "sampled_reward");
    EXPECT_EQ(samples.size(), kind == "self_critical" ? 6u : 0u);
    if (samples.empty()) {
      for (size_t step = 0; step < 6; ++step) EXPECT_NEAR(gpu[step], processor[step], 2e-3) << "step " << step + 1;
    }
    EXPECT_EQ(logged(log_of(there), "validation_cider").size(), kind == "self_critical" ? 3u : 2u);
  }
}

}  // namespace
}  // namespace attend
