// V words · E embedding size · B pictures · L grid cells · D annotation size
#include "train/initial_model.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "data/temporary_folder.h"
#include "model/safetensors.h"

namespace attend {
namespace {

ModelOptions small_model(bool tied) {
  ModelOptions options;
  options.encoder.family = "efficientnet-lite0";
  options.encoder.input_size = 64;
  options.attention.size = 16;
  options.decoder.hidden_size = 24;
  options.decoder.embedding_size = 12;
  options.decoder.annotation_size = 20;
  options.decoder.tied = tied;
  return options;
}

const std::vector<std::string> kWords{"<pad>", "<start>", "<end>", "<unk>", "blue", "green", "dog"};

TEST(WithWords, KeepsWhatWasKnownAndBeginsNewWordsAsTheMeanOfTheirPartsOrOfAll) {
  for (const bool tied : {true, false}) {
    torch::manual_seed(4);
    const Captioner old(small_model(tied), Vocabulary(kWords));
    auto words = kWords;
    words.insert(words.end(), {"frob", "blue-green", "blue-frob"});
    Captioner grown = with_words(old, Vocabulary(words));
    EXPECT_EQ(grown.vocabulary.words(), words);
    const auto before = captioner_state(old), after = captioner_state(grown);
    int grew = 0;
    for (const auto& [name, tensor] : after) {
      const auto& known = before.at(name);
      if (tensor.sizes() == known.sizes()) {
        EXPECT_TRUE(torch::equal(tensor, known)) << name;
        continue;
      }
      ++grew;
      ASSERT_EQ(tensor.size(0), 10) << name;
      EXPECT_TRUE(torch::equal(tensor.narrow(0, 0, 7), known)) << name;
      const auto mean = known.narrow(0, 4, 3).mean(0);  // [E] or []
      EXPECT_TRUE(torch::allclose(tensor[7], mean)) << name;
      EXPECT_TRUE(torch::allclose(tensor[8], (known[4] + known[5]) / 2)) << name;
      EXPECT_TRUE(torch::allclose(tensor[9], mean)) << name;
    }
    EXPECT_EQ(grew, tied ? 2 : 3);
    // What it says of old words after old words is what it said.
    const torch::NoGradGuard no_grad;
    const auto annotations = torch::randn({1, 4, old.encoder->annotation_size()});  // [B, L, D]
    const auto packed = pack_captions({{{4, 6}}});
    const auto said = old.decoder->teach(old.decoder->remember(annotations), packed).logits;     // [N, V]
    const auto now = grown.decoder->teach(grown.decoder->remember(annotations), packed).logits;  // [N, V + 3]
    EXPECT_TRUE(torch::allclose(now.narrow(1, 0, 7), said, 1e-5, 1e-6));
  }
}

TEST(TakeEncoderWeights, TakesThoseOfAModelWhateverItsDecoderAndThoseThatAFrameworkPublished) {
  const TemporaryFolder folder;
  torch::manual_seed(5);
  const Captioner model(small_model(true), Vocabulary(kWords));
  save_captioner(model, folder / "model.safetensors", false);
  auto options = model.options.encoder;
  options.input_size = 96;
  const auto encoder = make_encoder(options), imported = make_encoder(options);
  take_encoder_weights(*encoder, options, folder / "model.safetensors");
  const auto wanted = model.encoder->state();
  for (const auto& [name, tensor] : encoder->state()) EXPECT_TRUE(torch::equal(tensor, wanted.at(name))) << name;

  TensorMap published;
  for (const auto& [name, shape] : encoder->published_tensors())
    published[name] = torch::rand(shape) + 0.1;  // as given; a variance is positive
  write_safetensors(folder / "published.safetensors", published, {});
  take_encoder_weights(*encoder, options, folder / "published.safetensors");
  imported->import_weights(published, "here");
  const auto same = imported->state();
  for (const auto& [name, tensor] : encoder->state()) EXPECT_TRUE(torch::equal(tensor, same.at(name))) << name;

  options.family = "efficientnet-lite1";
  const auto other = make_encoder(options);
  try {
    take_encoder_weights(*other, options, folder / "model.safetensors");
    FAIL() << "took weights of another family";
  } catch (const UsageError& error) {
    EXPECT_EQ(
        std::string(error.what())
            .find("encoder.family is \"efficientnet-lite1\", but \"efficientnet-lite0\" in " + folder.path().string()),
        0u)
        << error.what();
  }
}

TEST(TakeOverInitialModel, TakesItsNetworkAndHowItDecodes) {
  const TemporaryFolder folder;
  Captioner model(small_model(true), Vocabulary(kWords));
  model.set_precision("bf16");
  model.decode = {{"beam_width", 7}, {"length_exponent", 0.25}};
  save_captioner(model, folder / "model.safetensors");
  TrainJob job;
  job.train.initial_model = folder / "model.safetensors";
  take_over_initial_model(job);
  EXPECT_EQ(job.model.encoder.family, "efficientnet-lite0");
  EXPECT_EQ(job.model.encoder.input_size, 64);
  EXPECT_EQ(job.model.encoder.precision, "bf16");
  EXPECT_EQ(job.model.decoder.hidden_size, 24);
  EXPECT_EQ(job.decode.beam_width, 7);
  EXPECT_EQ(job.decode.length_exponent, 0.25);
  EXPECT_EQ(initial_captioner(job).vocabulary.words(), kWords);
  job.model.decoder.hidden_size = 25;
  try {
    initial_captioner(job);
    FAIL() << "took weights of another size";
  } catch (const UsageError& error) {
    EXPECT_NE(std::string(error.what()).find("decoder.hidden_size"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace attend
