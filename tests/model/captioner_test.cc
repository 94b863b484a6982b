// B pictures in a batch · S input side
#include "model/captioner.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <functional>

#include "base/error.h"
#include "base/files.h"
#include "model/safetensors.h"

namespace attend {
namespace {

namespace fs = std::filesystem;

class CaptionerTest : public testing::Test {
 protected:
  CaptionerTest() { fs::create_directories(folder_); }
  ~CaptionerTest() override { fs::remove_all(folder_); }

  static Captioner small() {
    ModelOptions options;
    options.encoder.family = "efficientnet-lite0";
    options.encoder.input_size = 64;
    options.attention.size = 8;
    options.decoder.hidden_size = 12;
    options.decoder.embedding_size = 8;
    options.decoder.annotation_size = 10;
    torch::manual_seed(4);
    Captioner captioner(options,
                        Vocabulary({"<pad>", "<start>", "<end>", "<unk>", "a", "dog", "n't"}, {0, 0, 5, 1, 7, 5, 2}));
    captioner.decode = {{"beam_width", 7}};
    captioner.about = {{"licence", "CC0"}};
    return captioner;
  }

  /// The model file with its metadata changed by hand.
  fs::path with_metadata(const std::string& key, const std::string& value) {
    const auto path = folder_ / "changed.safetensors";
    save_captioner(small(), folder_ / "plain.safetensors");
    const auto file = read_safetensors(folder_ / "plain.safetensors");
    auto metadata = file.metadata.get<std::map<std::string, std::string>>();
    metadata[key] = value;
    write_safetensors(path, file.tensors, metadata);
    return path;
  }

  static std::string refusal(const fs::path& path) {
    try {
      load_captioner(path);
    } catch (const InputError& error) {
      return error.what();
    }
    return "accepted";
  }

  const fs::path folder_ = fs::temp_directory_path() / ("attend-captioner-test-" + std::to_string(::getpid()));
};

TEST_F(CaptionerTest, ComesBackFromItsFileWithTheSameWeightsAndWords) {
  const auto captioner = small();
  save_captioner(captioner, folder_ / "m.safetensors", false);
  auto loaded = load_captioner(folder_ / "m.safetensors");
  EXPECT_EQ(loaded.vocabulary.words(), captioner.vocabulary.words());
  EXPECT_EQ(loaded.vocabulary.counts(), captioner.vocabulary.counts());
  EXPECT_EQ(loaded.decode, captioner.decode);
  EXPECT_EQ(loaded.about, captioner.about);
  const auto before = captioner_state(captioner), after = captioner_state(loaded);
  ASSERT_EQ(before.size(), after.size());
  for (const auto& [name, tensor] : before) EXPECT_TRUE(torch::equal(tensor, after.at(name))) << name;
}

TEST_F(CaptionerTest, OfEveryKindOfAttentionComesBackAndIsToldFromTheOthersByName) {
  using Change = std::function<void(AttentionOptions&)>;
  const auto score = [](const std::string& name) { return [name](AttentionOptions& o) { o.score = name; }; };
  const std::vector<std::pair<std::string, Change>> kinds = {
      {"attention.score is \"convolutional\", but \"additive\" in", score("convolutional")},
      {"attention.score is \"attentive_reader\", but \"additive\" in", score("attentive_reader")},
      {"attention.score is \"impatient_reader\", but \"additive\" in", score("impatient_reader")},
      {"attention.recalibration is \"se\", but \"none\" in", [](AttentionOptions& o) { o.recalibration = "se"; }},
      {"attention.recalibration is \"cbam\", but \"none\" in", [](AttentionOptions& o) { o.recalibration = "cbam"; }},
      {"attention.self_kind is \"all_attention\", but \"transformer\" in",
       [](AttentionOptions& o) { o.self_kind = "all_attention"; }},
      {"attention.self_kind is \"graph\", but \"transformer\" in", [](AttentionOptions& o) { o.self_kind = "graph"; }}};
  auto base = small().options;
  base.attention.heads = base.attention.reduction = 2;
  const auto pictures = torch::randint(256, {2, 64, 64, 3}, torch::kUInt8);  // [B, S, S, 3]
  const torch::NoGradGuard no_grad;
  for (const auto& [difference, change] : kinds) {
    auto options = base;
    change(options.attention);
    auto other = base;
    if (options.attention.self_kind != "transformer") options.attention.self_blocks = other.attention.self_blocks = 1;
    Captioner captioner(options, small().vocabulary);
    save_captioner(captioner, folder_ / "kind.safetensors", false);
    auto loaded = load_captioner(folder_ / "kind.safetensors");
    const auto logits = [&](Captioner& model) {
      const auto memory = model.decoder->remember(model.annotate(pictures));
      const auto words = torch::tensor({4, 5}, torch::kInt64), rows = torch::arange(2, torch::kInt64);  // [R]
      const auto first = model.decoder->step(memory, model.decoder->start(memory), words, rows);
      return model.decoder->step(memory, first.state, words, rows).logits;  // [R, V]
    };
    EXPECT_TRUE(torch::equal(logits(loaded), logits(captioner))) << difference;
    EXPECT_EQ(network_difference(loaded.options, captioner.options, "it"), "");
    EXPECT_EQ(network_difference(options, other, "there").find(difference), 0u)
        << network_difference(options, other, "there");
  }
}

TEST_F(CaptionerTest, ComesBackFromMemory) {
  const auto captioner = small();
  save_captioner(captioner, folder_ / "m.safetensors", false);
  std::string bytes = read_file(folder_ / "m.safetensors");
  const auto loaded = load_captioner(std::as_bytes(std::span(bytes)), "memory");
  bytes.assign(bytes.size(), 'x');
  const auto before = captioner_state(captioner), after = captioner_state(loaded);
  for (const auto& [name, tensor] : before) EXPECT_TRUE(torch::equal(tensor, after.at(name))) << name;
  try {
    load_captioner(std::as_bytes(std::span(bytes)), "memory");
    ADD_FAILURE();
  } catch (const InputError& error) {
    EXPECT_EQ(std::string(error.what()).find("memory: "), 0u) << error.what();
  }
}

TEST_F(CaptionerTest, ComesBackWithWhatItWasCalibratedToAndWithNothingWhereItWasnt) {
  auto captioner = small();
  save_captioner(captioner, folder_ / "plain.safetensors");
  const auto plain = load_captioner(folder_ / "plain.safetensors");
  EXPECT_FALSE(plain.familiarity);
  EXPECT_TRUE(plain.confidence.is_null());
  torch::manual_seed(3);
  const int64_t D = captioner.encoder->annotation_size();
  const auto directions = mean_directions(torch::rand({90, 1, D}));  // [n, D]
  captioner.familiarity.emplace(directions);
  captioner.confidence = {{"weights", {0.1, 1e-17}}};
  save_captioner(captioner, folder_ / "calibrated.safetensors");
  const auto loaded = load_captioner(folder_ / "calibrated.safetensors");
  ASSERT_TRUE(loaded.familiarity);
  EXPECT_TRUE(
      torch::equal(loaded.familiarity->place(directions).distance, captioner.familiarity->place(directions).distance));
  EXPECT_EQ(loaded.confidence, captioner.confidence);
  EXPECT_LT(fs::file_size(folder_ / "calibrated.safetensors") - fs::file_size(folder_ / "plain.safetensors"),
            300u << 10);
  EXPECT_NE(refusal(with_metadata("confidence", "{")).find("confidence"), std::string::npos);
}

TEST_F(CaptionerTest, AnnotatesManyPicturesAsItDoesEachOfThem) {
  auto captioner = small();
  const torch::NoGradGuard no_grad;
  const auto pictures = torch::randint(256, {19, 64, 64, 3}, torch::kUInt8);  // [B, S, S, 3]
  const auto all = captioner.annotate(pictures);                              // [B, L, D]
  ASSERT_EQ(all.size(0), 19);
  for (int64_t i = 0; i < 19; ++i) {
    const auto one = captioner.annotate(pictures.narrow(0, i, 1));  // [1, L, D]
    EXPECT_TRUE(torch::allclose(all.narrow(0, i, 1), one, 1e-4, 1e-4)) << i;
  }
  EXPECT_EQ(captioner.annotate(pictures.narrow(0, 0, 0)).size(0), 0);
}

TEST_F(CaptionerTest, AFileNeedsNoCountsOfItsWordsButNotWrongOnes) {
  save_captioner(small(), folder_ / "m.safetensors");
  const auto file = read_safetensors(folder_ / "m.safetensors");
  auto metadata = file.metadata.get<std::map<std::string, std::string>>();
  metadata.erase("word_counts");
  write_safetensors(folder_ / "uncounted.safetensors", file.tensors, metadata);
  EXPECT_TRUE(load_captioner(folder_ / "uncounted.safetensors").vocabulary.counts().empty());
  for (const char* counts : {"[1]", "[0,0,5,1,7,5,-2]", "[0,0,5,1,7,5,\"2\"]", "{}", "[0,0"}) {
    const auto refused = refusal(with_metadata("word_counts", counts));
    EXPECT_NE(refused.find("counts"), std::string::npos) << counts << ": " << refused;
    EXPECT_NE(refused.find("changed.safetensors"), std::string::npos) << counts << ": " << refused;
  }
}

TEST_F(CaptionerTest, InHalfPrecisionIsHalfTheSizeAndAlmostTheSame) {
  auto captioner = small();
  save_captioner(captioner, folder_ / "full.safetensors", false);
  save_captioner(captioner, folder_ / "half.safetensors");
  EXPECT_LT(fs::file_size(folder_ / "half.safetensors"), 0.6 * fs::file_size(folder_ / "full.safetensors"));
  auto half = load_captioner(folder_ / "half.safetensors");
  const torch::NoGradGuard no_grad;
  const auto pictures = torch::randint(256, {2, 64, 64, 3}, torch::kUInt8);  // [B, S, S, 3]
  const auto a = captioner.annotate(pictures), b = half.annotate(pictures);
  EXPECT_EQ(a.sizes(), b.sizes());
  EXPECT_LT((a - b).norm().item<double>(), 0.02 * a.norm().item<double>());
}

TEST_F(CaptionerTest, IsRefusedWithTheReasonWhenItsFileIsNoModelOfThisVersion) {
  EXPECT_NE(refusal(with_metadata("format", "something")).find("not an attend model"), std::string::npos);
  EXPECT_NE(refusal(with_metadata("format_version", "2")).find("format version 2"), std::string::npos);
  EXPECT_NE(refusal(with_metadata("vocabulary", "[\"a\"]")).find("changed.safetensors"), std::string::npos);
  EXPECT_NE(refusal(with_metadata("vocabulary", "[1, 2]")).find("changed.safetensors"), std::string::npos);
  EXPECT_NE(refusal(with_metadata("options", "{")).find("options"), std::string::npos);
  EXPECT_NE(refusal(with_metadata("options", R"({"encoder": {"family": "resnet1000"}})")).find("resnet1000"),
            std::string::npos);
  EXPECT_NE(refusal(with_metadata("options", R"({"encoder": {"family": "resnet18"}})")).find("changed.safetensors"),
            std::string::npos);
}

TEST_F(CaptionerTest, NamesATensorThatIsMissing) {
  save_captioner(small(), folder_ / "m.safetensors");
  const auto file = read_safetensors(folder_ / "m.safetensors");
  for (const char* name : {"decoder.beta.weight", "decoder.attention.v"}) {
    auto tensors = file.tensors;
    tensors.erase(name);
    write_safetensors(folder_ / "less.safetensors", tensors, file.metadata.get<std::map<std::string, std::string>>());
    EXPECT_NE(refusal(folder_ / "less.safetensors").find(name), std::string::npos);
  }
}

}  // namespace
}  // namespace attend
