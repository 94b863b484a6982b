// `attend train`, run as a user runs it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/run_command.h"
#include "base/files.h"
#include "vision/picture_files.h"

namespace attend::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

/// Shapes in the folder data/ of a folder of the test's own, and a recipe in recipes/.
class TrainCommand : public ::testing::Test {
 protected:
  TrainCommand() {
    attend_command({"shapes", at("data"), "--train", "12", "--val", "3", "--test", "1", "--picture-size", "48"});
    write("recipes/tiny.json",
          R"({"data": {"train_captions": "../data/captions_train.json", "val_captions": "../data/captions_val.json",
                                            "images": "../data/images"},
                                   "train": {"epochs": 2, "batch_size": 4, "min_word_count": 1, "validation_beam": 1}})");
  }
  std::string at(const std::string& name) const { return (folder_.path() / name).lexically_normal().string(); }
  void write(const std::string& name, const std::string& text) const {
    folder_.write(name, {text.begin(), text.end()});
  }
  /// attend train on one thread with the tests' model as the initial one.
  Outcome train(std::vector<std::string> arguments, const std::string& folder = "") const {
    arguments.insert(arguments.begin(), {"train", "--initial-model", ATTEND_TINY_MODEL, "--threads", "1"});
    Circumstances how;
    how.folder = folder;
    return attend_command(arguments, how);
  }

  std::vector<std::string> files_below(const std::string& name) const {
    std::vector<std::string> list;
    for (const auto& entry : fs::directory_iterator(at(name))) list.push_back(entry.path().filename());
    return list;
  }

  TemporaryFolder folder_;
};

TEST_F(TrainCommand, AConfigurationsPathsStartFromItsFolderAndThoseOfFlagsFromTheWorkingOne) {
  fs::create_directory(at("elsewhere"));
  const auto run = train({"--config", "../recipes/tiny.json", "--output", "run"}, at("elsewhere"));
  ASSERT_EQ(run.status, 0) << run.err;
  EXPECT_EQ(run.out, "run/model.safetensors\n");
  ASSERT_TRUE(fs::exists(at("elsewhere/run/model.safetensors")));
  // What is written down means the same wherever it lies.
  const Json written = read_json_file(at("elsewhere/run/config.json"));
  EXPECT_EQ(written["data"]["images"], at("data/images"));
  const auto dumped = train({"--config", "recipes/tiny.json", "--dump-config", "--val-images", "data/images"}, at(""));
  EXPECT_EQ(Json::parse(dumped.out)["data"]["train_captions"], at("data/captions_train.json"));
  EXPECT_EQ(Json::parse(dumped.out)["data"]["val_images"], at("data/images"));
  EXPECT_EQ(train({"--config", at("elsewhere/run/config.json"), "--output", at("again"), "--max-steps", "1"}).status,
            0);
}

TEST_F(TrainCommand, TakesWhatIsNotSaidFromTheInitialModelAndAddsItsCaptionsWords) {
  const auto dumped =
      Json::parse(train({"--config", at("recipes/tiny.json"), "--dump-config", "--max-length", "9"}).out);
  EXPECT_EQ(dumped["encoder"]["family"], "efficientnet-lite0");
  EXPECT_EQ(dumped["encoder"]["input_size"], 96);
  EXPECT_EQ(dumped["decoder"]["hidden_size"], 16);
  EXPECT_EQ(dumped["decode"]["beam_width"], 3);
  EXPECT_EQ(dumped["decode"]["max_length"], 9);
  const auto run = train({"--config", at("recipes/tiny.json"), "--output", at("run"), "--input-size", "64"});
  ASSERT_EQ(run.status, 0) << run.err;
  EXPECT_THAT(run.err, AllOf(HasSubstr("are added: "),
                             HasSubstr("data: 12 captions of 12 training pictures, 3 validation pictures"),
                             HasSubstr("; 0 % of the ")));
  const Json said = Json::parse(attend_command({"inspect", "--json", at("run/model.safetensors")}).out);
  EXPECT_EQ(said["encoder"]["input_size"], 64);
  const auto refused =
      train({"--config", at("recipes/tiny.json"), "--output", at("other"), "--decoder-hidden-size", "32"});
  EXPECT_EQ(refused.status, 2);
  EXPECT_THAT(refused.err, StartsWith("attend: decoder.hidden_size is 32, but 16 in "));
}

TEST_F(TrainCommand, GoesOnWithItsOwnConfigurationAndMoreEpochs) {
  fs::create_directory(at("elsewhere"));
  const auto begun = train({"--config", "recipes/tiny.json", "--output", "run", "--learning-rate", "0.002"}, at(""));
  ASSERT_EQ(begun.status, 0) << begun.err;
  const auto more = attend_command({"train", "--resume", "--output", at("run"), "--epochs", "3", "--threads", "1"},
                                   {.folder = at("elsewhere")});
  ASSERT_EQ(more.status, 0) << more.err;
  EXPECT_THAT(more.err, HasSubstr("2 when this run was begun, 3 from here on"));
  std::string last;
  std::istringstream log(read_file(at("run/log.jsonl")));
  for (std::string line; std::getline(log, line);) last = line;
  EXPECT_EQ(Json::parse(last)["epoch"], 3);
  EXPECT_TRUE(Json::parse(last).contains("validation_perplexity"));
  const auto again = attend_command({"train", "--resume", "--output", at("run"), "--threads", "1"});
  EXPECT_EQ(again.status, 0) << again.err;  // its epochs are the new ones
  const auto other =
      attend_command({"train", "--resume", "--output", at("run"), "--learning-rate", "0.1", "--threads", "1"});
  EXPECT_EQ(other.status, 2);
  EXPECT_THAT(other.err, HasSubstr("another train.learning_rate"));
  const auto nothing = attend_command({"train", "--resume", "--output", at("nothing"), "--threads", "1"});
  EXPECT_EQ(nothing.status, 2);
  EXPECT_THAT(nothing.err, HasSubstr("nothing: has no config.json of a run to go on with"));
  fs::remove(at("run/checkpoint.safetensors"));
  const auto anew = attend_command({"train", "--resume", "--output", at("run"), "--max-steps", "1", "--threads", "1"});
  EXPECT_EQ(anew.status, 0) << anew.err;
  EXPECT_THAT(anew.err, HasSubstr("run: has no checkpoint to go on from; the run begins anew"));
  const auto refused = train({"--config", at("recipes/tiny.json"), "--output", at("recipes/tiny.json")});
  EXPECT_EQ(refused.status, 1);
  EXPECT_THAT(refused.err, HasSubstr("tiny.json: the folder can't be made: Not a directory"));
}

TEST_F(TrainCommand, LearnsFromSeveralSources) {
  attend_command({"shapes", at("more"), "--train", "6", "--val", "3", "--test", "1", "--picture-size", "48", "--seed",
                  "2", "--names", "circle=blivet"});
  write("recipes/two.json", R"({"data": {"sources": [
      {"train_captions": "../data/captions_train.json", "val_captions": "../data/captions_val.json", "images": "../data/images"},
      {"train_captions": "../more/captions_train.json", "val_captions": "../more/captions_val.json", "images": "../more/images", "weight": 2}]},
      "train": {"epochs": 1, "batch_size": 4, "min_word_count": 1, "validation_beam": 1}})");
  const auto run = train({"--config", at("recipes/two.json"), "--output", at("run")});
  ASSERT_EQ(run.status, 0) << run.err;
  EXPECT_THAT(run.err, AllOf(HasSubstr("data: data: 12 captions of 12"), HasSubstr("data: more: 6 captions of 6"),
                             HasSubstr("(data ")));
  EXPECT_THAT(read_file(at("run/model.safetensors")), HasSubstr("blivet"));  // the words of both are one vocabulary
  const auto features = attend_command({"features", "--initial-model", ATTEND_TINY_MODEL, "--config",
                                        at("recipes/two.json"), "--features", at("run/features"), "--threads", "1"});
  EXPECT_EQ(features.status, 0) << features.err;
  const auto both = train(
      {"--config", at("recipes/two.json"), "--train-captions", at("data/captions_train.json"), "--output", at("no")});
  EXPECT_EQ(both.status, 2);
  EXPECT_THAT(both.err, HasSubstr("data.sources: train_captions"));
}

TEST_F(TrainCommand, ThatCannotBeginLeavesNothingButWhatItEncoded) {
  const auto no_store =
      train({"--config", at("recipes/tiny.json"), "--output", at("run"), "--features", at("recipes/tiny.json")});
  EXPECT_EQ(no_store.status, 1);
  EXPECT_FALSE(fs::exists(at("run"))) << no_store.err;
  for (const char* name : {"train_00001.png", "train_00007.png"}) fs::resize_file(at("data/images/") + name, 60);
  const auto faulty = train({"--config", at("recipes/tiny.json"), "--output", at("run"), "--features", at("store")});
  EXPECT_EQ(faulty.status, 1);
  EXPECT_FALSE(fs::exists(at("run"))) << faulty.err;
  EXPECT_THAT(faulty.err, Not(HasSubstr("stays in it")));
  EXPECT_FALSE(fs::is_empty(at("store")));
}

TEST_F(TrainCommand, RefusesFlagsAndNotesSettingsThatHaveNoEffect) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> mistakes{
      {{"--attention-persistent-vectors", "8"},
       "--attention-persistent-vectors: is of attention.self_blocks of attention.self_kind all_attention only"},
      {{"--plateau-factor", "0.5"}, "--plateau-factor: is of train.schedule plateau only"},
      {{"--reward-bleu", "1"}, "--reward-bleu: is of train.objective self_critical only"},
      {{"--attention-window-radius", "1"},
       "--attention-window-radius: is of attention.window local_m and local_p only"},
      {{"--fine-tune-from", "2"}, "--fine-tune-from: is of train.fine_tune_stages above 0 only"}};
  for (const auto& [flags, says] : mistakes) {
    auto arguments = flags;
    arguments.insert(arguments.end(), {"--config", at("recipes/tiny.json"), "--output", at("run")});
    const auto run = train(arguments);
    EXPECT_EQ(run.status, 2) << says;
    EXPECT_EQ(run.err, "attend: " + says + "\n");
    EXPECT_FALSE(fs::exists(at("run")));
  }
  write("recipes/idle.json", R"({"train": {"plateau_factor": 0.7, "teacher_temperature": 1, "reward_samples": 9}})");
  const auto run = train({"--config", at("recipes/tiny.json"), "--config", at("recipes/idle.json"), "--output",
                          at("run"), "--max-steps", "1", "--augment-brightness", "0.1"});
  EXPECT_EQ(run.status, 0) << run.err;
  EXPECT_THAT(run.err,
              HasSubstr("attend: of no effect, as other options stand: train.plateau_factor (is of "
                        "train.schedule plateau), train.reward_samples (is of train.objective self_critical)\n"));
  EXPECT_THAT(run.err, HasSubstr("augmentation only takes effect while the encoder is trained"));
}

TEST_F(TrainCommand, SaysWhereTrainingCanTellOrLearnNothing) {
  const auto still = train({"--config", at("recipes/tiny.json"), "--output", at("still"), "--learning-rate", "0"});
  EXPECT_EQ(still.status, 0) << still.err;
  EXPECT_THAT(still.err, HasSubstr("warning: train.learning_rate is 0: the decoder learns nothing"));
  const auto same = train({"--images", at("data/images"), "--train-captions", at("data/captions_train.json"),
                           "--val-split", "train", "--epochs", "1", "--min-word-count", "1", "--output", at("same")});
  EXPECT_EQ(same.status, 0) << same.err;
  EXPECT_THAT(same.err, HasSubstr("warning: data.val_split is data.train_split: the pictures that are validated on"));
  EXPECT_THAT(same.err, Not(HasSubstr("learning_rate is 0")));
}

TEST_F(TrainCommand, NamesAllPicturesThatCanNotBeRead) {
  for (const char* name : {"train_00001.png", "train_00007.png"}) fs::resize_file(at("data/images/") + name, 60);
  const auto refused = train({"--config", at("recipes/tiny.json"), "--output", at("run")});
  EXPECT_EQ(refused.status, 1);
  EXPECT_THAT(refused.err, AllOf(HasSubstr("train_00001.png"), HasSubstr("train_00007.png"),
                                 HasSubstr("2 of 15 pictures can't be read")));
  EXPECT_THAT(refused.err, HasSubstr("run: what was encoded stays in it, for the next start\n"));
  EXPECT_THAT(files_below("run"), ElementsAre("features"));
  const auto run =
      train({"--config", at("recipes/tiny.json"), "--output", at("run"), "--max-faulty", "0.2", "--resume"});
  EXPECT_EQ(run.status, 0) << run.err;
  EXPECT_THAT(run.err, HasSubstr("10 captions of 10 training pictures"));
}

}  // namespace
}  // namespace attend::testing
