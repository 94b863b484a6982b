// Runs that could not succeed, or would mean another thing than was asked for.
#include <gmock/gmock.h>

#include <cstring>
#include <fstream>
#include <random>

#include "base/files.h"
#include "base/said.h"
#include "decode/caption.h"
#include "model/pictures.h"
#include "model/safetensors.h"
#include "train/checkpoint.h"
#include "train/initial_model.h"
#include "train/trainer_fixture.h"

namespace attend {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class TrainerCases : public TrainerTest {
 protected:
  /// What a run says and in its refusal.
  static std::string said_by(const TrainJob& run) {
    Said said;
    std::string refusal;
    try {
      train(run);
    } catch (const Error& error) {
      refusal = std::string("refused: ") + error.what();
    }
    return said.text + refusal;
  }
  /// A run whose encoder is frozen, and that learns fast.
  static TrainJob quick_job(const std::string& output) {
    auto run = job(output);
    run.train.fine_tune_stages = 0;
    run.train.learning_rate = 0.01;
    run.augment.crop = 0;
    run.model.decoder.dropout = run.model.decoder.annotation_dropout = 0;
    return run;
  }
  /// The shapes' captions of a split with words exchanged, as another file.
  static fs::path reworded(const char* split, const std::vector<std::pair<std::string, std::string>>& words) {
    std::string text = read_file(folder_ / "shapes" / (std::string("captions_") + split + ".json"));
    for (const auto& [word, other] : words)
      for (size_t at = 0; (at = text.find(word, at)) != std::string::npos; at += other.size())
        text.replace(at, word.size(), other);
    static int number = 0;
    const auto file = folder_ / ("reworded-" + std::to_string(number++) + ".json");
    write_file_atomically(file, text);
    return file;
  }
};

TEST_F(TrainerCases, AnInitialModelLearnsTheWordsOfItsNewCaptions) {
  auto base = quick_job("known");
  base.model.encoder.family = "resnet18";
  base.model.encoder.stages = 4;  // random weights, but a grid in which shapes show
  base.model.attention.size = 32;
  base.model.decoder.hidden_size = 48;
  base.model.decoder.embedding_size = 32;
  base.model.decoder.annotation_size = 0;
  base.train.epochs = 20;
  base.train.keep = "last";
  train(base);
  const std::vector<std::pair<std::string, std::string>> names{{"circle", "frobnicator"},
                                                               {"square", "quuxlet"},
                                                               {"triangle", "zorkmid"},
                                                               {"star", "blivet"},
                                                               {"cross", "gizmotron"}};
  auto own = quick_job("own-words");
  own.train.initial_model = base.output / "model.safetensors";
  take_over_initial_model(own);
  own.data.train_captions = reworded("train", names);
  own.data.val_captions = reworded("val", names);
  own.train.epochs = 100;
  own.train.label_smoothing = 0;
  own.train.keep = "last";
  EXPECT_THAT(said_by(own), AllOf(HasSubstr("5 that"), HasSubstr("are added"), HasSubstr("frobnicator"),
                                  HasSubstr("; 0 % of the"), Not(HasSubstr("refused"))));
  auto captioner = load_captioner(own.output / "model.safetensors");
  const auto known = load_captioner(base.output / "model.safetensors").vocabulary.words();
  const auto& words = captioner.vocabulary.words();
  ASSERT_EQ(words.size(), known.size() + 5);
  EXPECT_TRUE(std::equal(known.begin(), known.end(), words.begin()));
  // It has learnt its few training pictures by heart.
  const torch::NoGradGuard no_grad;
  const auto dataset = read_dataset(own.data);
  size_t said = 0, wanted = 0;
  for (const size_t i : dataset.split("train")) {
    const auto& example = dataset.examples[i];
    const auto annotations =
        captioner.annotate(stack_inputs({load_input(example.picture, captioner.options.encoder)}));  // [1, L, D]
    const auto text = caption_annotations(captioner, annotations, own.decode)[0][0].text;
    for (const auto& [old, name] : names) {
      EXPECT_THAT(text, Not(HasSubstr(old)));
      if (example.captions[0].find(name) == std::string::npos) continue;
      ++wanted;
      said += text.find(name) != std::string::npos;
    }
  }
  EXPECT_GE(static_cast<double>(said), 0.9 * static_cast<double>(wanted)) << said << " of " << wanted;
}

TEST_F(TrainerCases, SaysWhichWordsStayUnknown) {
  auto run = quick_job("unknown");
  run.train.min_word_count = 12;
  run.train.max_steps = 1;
  EXPECT_THAT(said_by(run),
              AllOf(HasSubstr("warning: words: "), HasSubstr("tokens are unknown"), HasSubstr("train.min_word_count")));
  const Json first = log_of(run).front()["data"];
  EXPECT_GT(first["unknown_tokens"].get<int64_t>(), 0);
  EXPECT_LT(first["unknown_tokens"].get<int64_t>(), first["training_tokens"].get<int64_t>());
  EXPECT_EQ(first["sources"][0]["training_pictures"], 24);
}

TEST_F(TrainerCases, RefusesAVocabularyWithoutWords) {
  auto run = quick_job("wordless");
  run.train.min_word_count = 1000;
  EXPECT_THAT(said_by(run), HasSubstr("refused: " + run.data.train_captions.string()));
  EXPECT_FALSE(fs::exists(run.output));
}

TEST_F(TrainerCases, RefusesToGoOnWithOtherCaptions) {
  auto run = quick_job("edited");
  run.train.max_steps = 4;
  train(run);
  run.train.max_steps = 0;
  run.resume = true;
  const auto captions = run.data.train_captions;
  const auto checkpoint = read_file(run.output / "checkpoint.safetensors");
  for (const auto& words : {std::pair<std::string, std::string>{"circle", "rhombus"}, {"red", "green"}}) {
    fs::rename(captions, folder_ / "kept.json");
    fs::copy_file(folder_ / "kept.json", captions);
    fs::copy_file(reworded("train", {words}), captions, fs::copy_options::overwrite_existing);
    const std::string said = said_by(run);
    fs::rename(folder_ / "kept.json", captions);
    EXPECT_THAT(said, HasSubstr("the captions aren't those that this run was begun with"));
  }
  EXPECT_TRUE(read_file(run.output / "checkpoint.safetensors") == checkpoint);
  EXPECT_THAT(said_by(run), Not(HasSubstr("refused")));
}

TEST_F(TrainerCases, ARunThatEndsWithinItsFirstEpochKeepsWhatItHasAndSaysSo) {
  auto run = quick_job("short");
  run.train.max_steps = 2;
  EXPECT_THAT(said_by(run), AllOf(HasSubstr("max_steps 2 ends the run within its first epoch of 3"),
                                  HasSubstr("not been validated")));
  EXPECT_EQ(load_captioner(run.output / "model.safetensors").about["validation"], Json({{"step", 2}}));
  run.train.max_steps = 0;
  run.resume = true;
  train(run);
  EXPECT_TRUE(load_captioner(run.output / "model.safetensors").about["validation"].contains("validation_cider"));
}

TEST_F(TrainerCases, ChoosesByRougeWhereCiderCanTellNothing) {
  auto run = quick_job("blind");
  Json one = read_json_file(run.data.val_captions);
  one["images"].erase(one["images"].begin() + 1, one["images"].end());
  one["annotations"].erase(one["annotations"].begin() + 1, one["annotations"].end());
  run.data.val_captions = folder_ / "one.json";
  write_file_atomically(run.data.val_captions, one.dump());
  run.train.epochs = 12;
  EXPECT_THAT(said_by(run), HasSubstr("epochs are chosen by ROUGE-L"));
  const Json kept = load_captioner(run.output / "model.safetensors").about["validation"];
  double best = 0;
  for (const auto& line : log_of(run))
    if (line.contains("validation_rouge_l")) best = std::max(best, line["validation_rouge_l"].get<double>());
  EXPECT_EQ(kept["validation_rouge_l"], best);
  EXPECT_EQ(kept["validation_cider"], 0);
}

TEST_F(TrainerCases, RefusesToTrainARandomEncoderThatNeverLearns) {
  auto run = job("random");
  run.train.fine_tune_from = 3;  // of 2 epochs
  EXPECT_THAT(said_by(run),
              AllOf(HasSubstr("refused"), HasSubstr("train.fine_tune_from 3"), HasSubstr("tools/fetch-weights")));
  run.train.fine_tune_from = 1;
  run.train.encoder_learning_rate = 0;
  EXPECT_THAT(said_by(run), AllOf(HasSubstr("refused"), HasSubstr("train.encoder_learning_rate is 0")));
  EXPECT_FALSE(fs::exists(run.output));
  auto frozen = quick_job("frozen");
  frozen.train.max_steps = 1;
  EXPECT_THAT(said_by(frozen), HasSubstr("warning: train.encoder_weights is not set"));
}

TEST_F(TrainerCases, BadPicturesAreLeftOutFromTheFirstStepToTheLast) {
  for (const int from : {1, 2}) {  // pictures that are changed from the first epoch on, and annotations that are stored
    auto run = job("bad-pictures-" + std::to_string(from));
    const fs::path images = folder_ / ("bad-" + std::to_string(from));
    fs::copy(run.data.images, images);
    run.data.images = images;
    fs::copy_file(images / "train_00005.png", folder_ / "whole.png", fs::copy_options::overwrite_existing);
    for (const char* name : {"train_00005.png", "val_00002.png"}) fs::resize_file(images / name, 60);
    run.data.max_faulty = 0.1;
    run.train.fine_tune_from = from;
    run.train.features = folder_ / ("bad-features-" + std::to_string(from));
    run.train.max_steps = 2;
    EXPECT_THAT(said_by(run),
                AllOf(HasSubstr("left out: " + (images / "train_00005.png").string()),
                      HasSubstr("left out: " + (images / "val_00002.png").string()), Not(HasSubstr("refused"))));
    EXPECT_EQ(log_of(run).front()["data"]["left_out"], Json({"train_00005.png", "val_00002.png"}));
    // Mended since, it stays left out: the run goes on as it began.
    fs::copy_file(folder_ / "whole.png", images / "train_00005.png", fs::copy_options::overwrite_existing);
    run.train.max_steps = 0;
    run.resume = true;
    EXPECT_THAT(said_by(run), Not(HasSubstr("refused")));
    EXPECT_EQ(load_captioner(run.output / "model.safetensors").about["training_pictures"], 23);
  }
}

TEST_F(TrainerCases, ADamagedRowOfTheFeatureStoreEndsTheRunWithACheckpoint) {
  auto run = quick_job("damaged-row");
  run.train.features = folder_ / "damaged-features";
  run.train.max_steps = 2;
  train(run);
  for (const auto& entry : fs::directory_iterator(run.train.features))
    if (entry.path().extension() == ".rows") {
      std::fstream rows(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
      rows.seekp(-500, std::ios::end);
      rows << std::string(200, '\x7f');
    }
  run.train.max_steps = 0;
  run.resume = true;
  EXPECT_THAT(said_by(run), AllOf(HasSubstr("refused"), HasSubstr(".rows: the row of"), HasSubstr("is damaged")));
  EXPECT_TRUE(fs::exists(run.output / "checkpoint.safetensors"));
}

TEST_F(TrainerCases, DoesNotReplaceAModelWhoseCheckpointIsGone) {
  auto run = quick_job("left-model");
  run.train.max_steps = 3;
  train(run);
  fs::remove(run.output / "checkpoint.safetensors");
  const auto model = read_file(run.output / "model.safetensors");
  EXPECT_THAT(said_by(run), HasSubstr("would be replaced; move it away"));
  EXPECT_TRUE(read_file(run.output / "model.safetensors") == model);
}

TEST_F(TrainerCases, RefusesACheckpointThatNoRunCanHave) {
  auto run = quick_job("impossible");
  run.train.max_steps = 3;
  train(run);
  run.train.max_steps = 0;
  run.resume = true;
  const auto file = read_safetensors(run.output / "checkpoint.safetensors");
  TensorMap tensors;
  for (const auto& [name, tensor] : file.tensors) tensors[name] = tensor.clone();
  for (const auto& [key, value] : std::vector<std::pair<std::string, Json>>{{"step", -5},
                                                                            {"step", 7},
                                                                            {"step", 1.5},
                                                                            {"step", "3"},
                                                                            {"validated_epochs", 2},
                                                                            {"validated_epochs", -2},
                                                                            {"epochs_since_best", -1}}) {
    auto metadata = file.metadata.get<std::map<std::string, std::string>>();
    Json stands = Json::parse(metadata["progression"]);
    stands[key] = value;
    metadata["progression"] = stands.dump();
    write_safetensors(run.output / "checkpoint.safetensors", tensors, metadata);
    EXPECT_THAT(said_by(run), HasSubstr("damaged")) << key << " " << value;
  }
}

TEST_F(TrainerCases, ACheckpointWhoseHeaderIsDamagedIsReadOrRefused) {
  auto run = quick_job("damaged-header");
  run.train.max_steps = 1;
  train(run);
  const fs::path path = run.output / "checkpoint.safetensors";
  const std::string bytes = read_file(path).substr(0, 1 << 20);
  uint64_t size;
  std::memcpy(&size, bytes.data(), sizeof size);
  ASSERT_LT(size, bytes.size() - 8);
  const size_t metadata = bytes.find("__metadata__"), behind = metadata + 4000;  // where most of its meaning is
  ASSERT_LT(behind, size);
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  std::mt19937_64 generator(1);
  const std::string digits = "0123456789-.eE\"\\{}[],:ntf ";
  int refused = 0;
  for (int round = 0; round < 3000; ++round) {
    const size_t at = round % 3 ? metadata + generator() % (behind - metadata) : generator() % (8 + size);
    const size_t length = 1 + generator() % 3;
    file.seekp(static_cast<std::streamoff>(at));
    for (size_t i = 0; i < length; ++i)
      file.put(round % 2 ? digits[generator() % digits.size()] : static_cast<char>(generator()));
    file.flush();
    try {
      const auto checkpoint = read_checkpoint(path);
      EXPECT_GE(checkpoint.progression.step, 0);
    } catch (const InputError& error) {  // anything else ends the test
      EXPECT_THAT(error.what(), HasSubstr("checkpoint.safetensors"));
      ++refused;
    }
    file.seekp(static_cast<std::streamoff>(at));
    file.write(&bytes[at], static_cast<std::streamsize>(length));
    file.flush();
  }
  EXPECT_GT(refused, 300);
  EXPECT_EQ(read_checkpoint(path).progression.step, 1);
}

TEST_F(TrainerCases, ARunWithSentencesEndsAsItWouldHaveUninterrupted) {
  auto straight = job("sentences-straight");
  straight.data.sentences = folder_ / "some.txt";
  write_file_atomically(straight.data.sentences, "a dog runs\na cat sleeps on a red square\na blue bird\n");
  train(straight);
  auto broken = straight;
  broken.output = folder_ / "sentences-broken";
  broken.train.max_steps = 4;
  train(broken);
  broken.train.max_steps = 0;
  broken.resume = true;
  train(broken);
  const auto a = read_safetensors(straight.output / "checkpoint.safetensors");
  const auto b = read_safetensors(broken.output / "checkpoint.safetensors");
  for (const auto& [name, tensor] : a.tensors) EXPECT_TRUE(torch::equal(tensor, b.tensors.at(name))) << name;
  EXPECT_NE(load_captioner(straight.output / "model.safetensors").vocabulary.id("bird"), Vocabulary::kUnknown);
  write_file_atomically(straight.data.sentences, "a dog runs\n");
  straight.resume = true;
  EXPECT_THAT(said_by(straight), HasSubstr("the captions aren't those"));
}

TEST_F(TrainerCases, SentencesTeachTheLanguageWithoutAPicture) {
  auto run = quick_job("language");
  run.data.sentences = folder_ / "language.txt";
  write_file_atomically(run.data.sentences, "xylophones play themselves\n");
  run.train.epochs = 40;
  train(run);
  auto captioner = load_captioner(run.output / "model.safetensors");
  const torch::NoGradGuard no_grad;
  const auto nothing = torch::zeros({1, 4, captioner.encoder->annotation_size()});  // [1, L, D]
  EXPECT_EQ(caption_annotations(captioner, nothing, run.decode)[0][0].text, "xylophones play themselves");
  const auto picture =
      captioner.annotate(stack_inputs({load_input(run.data.images / "train_00000.png", captioner.options.encoder)}));
  EXPECT_THAT(caption_annotations(captioner, picture, run.decode)[0][0].text, Not(HasSubstr("xylophones")));
}

TEST_F(TrainerCases, RefusesSentencesThatNothingLearnsFrom) {
  auto run = job("no-sentences");
  run.data.sentences = "sentences.txt";
  run.train.teacher = {"teacher.safetensors"};
  EXPECT_THAT(said_by(run), HasSubstr("refused: data.sentences"));
  run.train.teacher.clear();
  run.train.objective = "self_critical";
  run.train.initial_model = "model.safetensors";
  EXPECT_THAT(said_by(run), HasSubstr("refused: data.sentences"));
}

}  // namespace
}  // namespace attend
