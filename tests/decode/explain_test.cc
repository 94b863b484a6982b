// T words · S input side · L grid cells · D annotation size
#include "decode/explain.h"

#include <gtest/gtest.h>

#include <cmath>

#include "decode/rank_correlation.h"

namespace attend {
namespace {

using torch::Tensor;

/// A captioner with random weights that says clearly different things of different pictures.
Captioner tiny(const std::string& family, int stages, const std::string& precision = "fp32") {
  torch::manual_seed(4);
  ModelOptions options;
  options.encoder.family = family;
  options.encoder.stages = stages;
  options.encoder.input_size = 48;
  options.encoder.precision = precision;
  options.attention.size = 6;
  options.decoder.hidden_size = 12;
  options.decoder.embedding_size = 10;
  options.decoder.annotation_size = 8;
  Captioner captioner(options, Vocabulary({"<pad>", "<start>", "<end>", "<unk>", "a", "red", "dog", "on", "grass"}));
  torch::NoGradGuard no_grad;
  for (auto& parameter : captioner.decoder->parameters()) parameter.mul_(2);
  return captioner;
}

Tensor some_picture() { return torch::randint(256, {48, 48, 3}, torch::kByte); }  // [S, S, 3]

const std::vector<std::string> kWords{"a", "red", "dog", "on", "a", "grass"};

std::vector<int64_t> ids_of(const Captioner& captioner) { return captioner.vocabulary.encode(kWords); }

/// The log-probability of every word by teacher forcing, which explains nothing and is tested elsewhere: [T].
Tensor log_probabilities(Decoder& decoder, const Tensor& annotations, const std::vector<int64_t>& words) {
  const torch::NoGradGuard no_grad;
  const auto taught = decoder.teach(decoder.remember(annotations), pack_captions({{words}}));
  const auto all = taught.logits.log_softmax(-1);  // [T + 1, V]
  std::vector<Tensor> list;
  for (size_t t = 0; t < words.size(); ++t) list.push_back(all[static_cast<int64_t>(t)][words[t]]);
  return torch::stack(list);
}

Caption caption_of(Captioner& captioner, const Tensor& picture) {
  const torch::NoGradGuard no_grad;
  const auto annotations = captioner.annotate(picture.unsqueeze(0));  // [1, L, D]
  Caption caption;
  caption.words = kWords;
  caption.alpha = torch::rand({static_cast<int64_t>(kWords.size()), annotations.size(1)}).softmax(-1);  // [T, L]
  return caption;
}

TEST(Explain, GradientsByTheAnnotationsEqualFiniteDifferences) {
  for (const auto& [gate, score] :
       {std::pair{"scalar", "additive"}, std::pair{"off", "additive"}, std::pair{"scalar", "impatient_reader"}}) {
    torch::manual_seed(4);
    DecoderOptions options;
    options.hidden_size = 7;
    options.embedding_size = 5;
    options.annotation_size = 0;  // no ReLU between
    options.gate = gate;
    AttentionOptions attention;
    attention.size = 6;
    attention.score = score;
    Decoder decoder(options, attention, 4, 9);
    decoder.to(torch::kDouble);
    decoder.eval();
    const auto annotations = torch::randn({1, 5, 4}, torch::kDouble);  // [1, L, D]
    const std::vector<int64_t> words{4, 7, 4, 8};
    const auto gradients = word_gradients(decoder, annotations, words);  // [T, L, D]
    ASSERT_EQ(gradients.sizes(), (std::vector<int64_t>{4, 5, 4}));
    const double h = 1e-5;
    for (int64_t l = 0; l < 5; ++l)
      for (int64_t d = 0; d < 4; ++d) {
        auto more = annotations.clone(), less = annotations.clone();
        more[0][l][d] += h;
        less[0][l][d] -= h;
        const auto slope =
            (log_probabilities(decoder, more, words) - log_probabilities(decoder, less, words)) / (2 * h);  // [T]
        EXPECT_TRUE(torch::allclose(gradients.select(1, l).select(1, d), slope, 1e-5, 1e-9)) << gate << l << d;
      }
  }
}

class ExplainFamilies : public testing::TestWithParam<std::pair<std::string, int>> {};

// ReLU's edges spoil a difference here and there: each is asked of many pixels, and nearly all must agree.
TEST_P(ExplainFamilies, GradientsByThePixelsEqualFiniteDifferences) {
  auto captioner = tiny(GetParam().first, GetParam().second);
  const auto words = ids_of(captioner);
  const auto picture = some_picture();  // [S, S, 3]
  const auto explained = explain_caption(captioner, picture, caption_of(captioner, picture), {});
  ASSERT_EQ(explained.pixels.sizes(), (std::vector<int64_t>{6, 48, 48}));
  const torch::NoGradGuard no_grad;
  const auto pixels = picture.to(torch::kFloat).unsqueeze(0);  // [1, S, S, 3]
  const auto said = [&](const Tensor& of) {
    return log_probabilities(*captioner.decoder, captioner.annotate(of), words);  // [T]
  };
  // The pixels that matter most to any word, where rounding matters least.
  const auto order = std::get<1>(explained.pixels.amax(0).flatten().sort(0, true));  // [S·S]
  const float h = 0.25f;
  int agree = 0, asked = 0;
  for (int64_t i = 0; i < 24; ++i) {
    const int64_t place = order[i].item<int64_t>(), y = place / 48, x = place % 48;
    std::vector<Tensor> slopes;  // [T] each
    for (int64_t c = 0; c < 3; ++c) {
      auto more = pixels.clone(), less = pixels.clone();
      more[0][y][x][c] += h;
      less[0][y][x][c] -= h;
      slopes.push_back((said(more) - said(less)) / (2 * h));
    }
    const auto norm = torch::stack(slopes).norm(2, 0);  // [T]
    for (int64_t t = 0; t < norm.size(0); ++t) {
      const float expected = norm[t].item<float>(), got = explained.pixels[t][y][x].item<float>();
      ++asked;
      agree += std::abs(got - expected) < 0.05f * expected + 2e-6f;
    }
  }
  EXPECT_GE(agree, asked * 9 / 10) << GetParam().first << ": " << agree << " of " << asked;
}

INSTANTIATE_TEST_SUITE_P(Explain, ExplainFamilies,
                         testing::Values(std::pair{"efficientnet-lite0", 3}, std::pair{"resnet18", 2},
                                         std::pair{"vgg16", 4}),
                         [](const auto& each) { return each.param.first.substr(0, 3); });

TEST(Explain, FloatPicturesSeeWhatByteSeeAndTheirGradientsReachEveryPixelOfEveryFamily) {
  for (const auto& family : {"efficientnet-lite0", "resnet50", "vgg19"}) {
    auto captioner = tiny(family, 0);
    const auto picture = some_picture().unsqueeze(0);  // [1, S, S, 3]
    const auto input = picture.to(torch::kFloat).requires_grad_();
    const auto annotations = captioner.annotate(input);
    EXPECT_TRUE(torch::allclose(annotations, captioner.annotate(picture), 1e-3, 1e-4)) << family;
    const auto gradient = torch::autograd::grad({annotations.sum()}, {input})[0];  // [1, S, S, 3]
    EXPECT_GT((gradient != 0).to(torch::kFloat).mean().item<double>(), 0.9) << family;
    const torch::NoGradGuard no_grad;
    EXPECT_FALSE(captioner.annotate(input).requires_grad());
  }
}

TEST(Explain, ADecoderThatIgnoresItsAnnotationsIsMovedByNothing) {
  auto captioner = tiny("efficientnet-lite0", 3);
  {
    torch::NoGradGuard no_grad;
    for (auto& item : captioner.decoder->named_parameters())
      if (item.key() == "project.weight") item.value().zero_();
  }
  const auto picture = some_picture();
  const auto explained = explain_caption(captioner, picture, caption_of(captioner, picture), {});
  EXPECT_EQ(explained.cells.abs().max().item<float>(), 0);
  EXPECT_EQ(explained.pixels.abs().max().item<float>(), 0);
  for (const double correlation : explained.rank_correlation) EXPECT_TRUE(std::isnan(correlation));
  EXPECT_TRUE(std::isnan(mean_rank_correlation(explained.rank_correlation)));
}

TEST(Explain, AWordDependsOnTheWordsBeforeItAndNotOnThoseBehind) {
  auto captioner = tiny("efficientnet-lite0", 3);
  const torch::NoGradGuard no_grad;
  const auto annotations = captioner.annotate(some_picture().unsqueeze(0));
  auto words = ids_of(captioner);
  const auto before = word_gradients(*captioner.decoder, annotations, words);
  words[3] = 8;
  const auto after = word_gradients(*captioner.decoder, annotations, words);
  EXPECT_TRUE(torch::allclose(before.narrow(0, 0, 3), after.narrow(0, 0, 3), 1e-4, 1e-7));
  for (int64_t t = 3; t < 6; ++t) EXPECT_FALSE(torch::allclose(before[t], after[t], 1e-2, 1e-7)) << t;
}

TEST(Explain, KindsAreWhatTheirFormulasSay) {
  auto captioner = tiny("vgg16", 3);
  const auto picture = some_picture();
  const auto caption = caption_of(captioner, picture);
  const auto pixels = picture.to(torch::kFloat).unsqueeze(0);  // [1, S, S, 3]
  const auto gradients_at = [&](const Tensor& at) {
    const auto input = at.detach().clone().requires_grad_();
    const auto annotations = captioner.annotate(input);
    const auto cells = word_gradients(*captioner.decoder, annotations, ids_of(captioner));  // [T, L, D]
    const auto by_pixels = torch::autograd::grad({annotations}, {input}, {cells.narrow(0, 2, 1)})[0];
    return std::tuple{annotations.detach(), cells, by_pixels[0]};
  };
  const auto [annotations, cells, by_pixels] = gradients_at(pixels);
  const auto plain = explain_caption(captioner, picture, caption, {});
  EXPECT_TRUE(torch::allclose(plain.cells, cells.pow(2).sum(-1).sqrt(), 1e-4, 1e-9));
  EXPECT_TRUE(torch::allclose(plain.pixels[2], by_pixels.pow(2).sum(-1).sqrt(), 1e-4, 1e-9));
  const auto input = explain_caption(captioner, picture, caption, {.kind = "input"});
  EXPECT_TRUE(torch::allclose(input.cells, (cells * annotations).sum(-1).abs(), 1e-4, 1e-7));
  EXPECT_TRUE(torch::allclose(input.pixels[2], (by_pixels * pixels[0]).sum(-1).abs(), 1e-4, 1e-7));
  // Smooth without noise is plain; with noise it is something else, the same whenever the seed is, and near plain when
  // the noise is small.
  const auto still = explain_caption(captioner, picture, caption, {.kind = "smooth", .samples = 3, .noise = 0});
  EXPECT_TRUE(torch::allclose(still.pixels, plain.pixels, 1e-4, 1e-9));
  const ExplainOptions noisy{.kind = "smooth", .samples = 2, .noise = 0.3};
  const auto once = explain_caption(captioner, picture, caption, noisy);
  EXPECT_FALSE(torch::allclose(once.pixels, plain.pixels, 1e-2, 1e-9));
  torch::manual_seed(99);
  EXPECT_TRUE(explain_caption(captioner, picture, caption, noisy).cells.equal(once.cells));
  EXPECT_FALSE(explain_caption(captioner, picture, caption, {.kind = "smooth", .samples = 2, .noise = 0.3, .seed = 2})
                   .cells.equal(once.cells));
}

TEST(Explain, CellsComeAloneWhereNoPixelsAreAskedFor) {
  auto captioner = tiny("efficientnet-lite0", 3);
  const auto picture = some_picture();
  const auto caption = caption_of(captioner, picture);
  for (const auto* kind : {"plain", "smooth"}) {
    const ExplainOptions options{.kind = kind, .samples = 2};
    const auto both = explain_caption(captioner, picture, caption, options, true);
    const auto cells = explain_caption(captioner, picture, caption, options, false);
    EXPECT_FALSE(cells.pixels.defined());
    EXPECT_TRUE(torch::allclose(both.cells, cells.cells, 1e-3, 1e-8));
  }
}

TEST(Explain, RunsInFullPrecisionAndLeavesTheEncoderAsItWas) {
  auto captioner = tiny("efficientnet-lite0", 3, "bf16");
  const std::string before = captioner.encoder->precision();
  const auto picture = some_picture();
  const auto caption = caption_of(captioner, picture);
  const auto explained = explain_caption(captioner, picture, caption, {});
  EXPECT_EQ(captioner.encoder->precision(), before);
  captioner.encoder->set_precision("fp32");
  EXPECT_TRUE(torch::allclose(explain_caption(captioner, picture, caption, {}).pixels, explained.pixels, 1e-5, 1e-9));
}

TEST(Explain, RankCorrelationsAreThoseOfCellsAndAlpha) {
  auto captioner = tiny("efficientnet-lite0", 3);
  const auto picture = some_picture();
  auto caption = caption_of(captioner, picture);
  const auto cells = explain_caption(captioner, picture, caption, {}, false).cells;  // [T, L]
  caption.alpha = cells * 3;
  caption.alpha[1] = -cells[1];
  caption.alpha[2].fill_(0.5);
  const auto explained = explain_caption(captioner, picture, caption, {}, false);
  ASSERT_EQ(explained.rank_correlation.size(), 6u);
  EXPECT_NEAR(explained.rank_correlation[0], 1, 1e-9);
  EXPECT_NEAR(explained.rank_correlation[1], -1, 1e-9);
  EXPECT_TRUE(std::isnan(explained.rank_correlation[2]));
  EXPECT_NEAR(mean_rank_correlation(explained.rank_correlation), (4.0 - 1) / 5, 1e-9);
}

TEST(Explain, ACaptionWithoutWordsHasNoMaps) {
  auto captioner = tiny("efficientnet-lite0", 3);
  Caption caption;
  caption.alpha = torch::zeros({0, captioner.encoder->grid(48)[0] * captioner.encoder->grid(48)[1]});
  for (const auto* kind : {"plain", "input", "smooth"}) {
    const auto explained = explain_caption(captioner, some_picture(), caption, {.kind = kind, .samples = 2});
    EXPECT_EQ(explained.cells.size(0), 0);
    EXPECT_EQ(explained.pixels.sizes(), (std::vector<int64_t>{0, 48, 48}));
    EXPECT_TRUE(std::isnan(mean_rank_correlation(explained.rank_correlation)));
  }
}

}  // namespace
}  // namespace attend
