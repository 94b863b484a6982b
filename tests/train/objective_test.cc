// R rows · L grid cells · N words · V words in the vocabulary
#include "train/objective.h"

#include <gtest/gtest.h>

#include <cmath>

namespace attend {
namespace {

/// Three captions of 2, 1 and 0 words: 3 + 2 + 1 words to say, over a vocabulary of 8.
struct Fixture {
  PackedCaptions captions = pack_captions({{{4, 5}, {6}}, {{}}});
  TeacherForced taught;
  Fixture() {
    torch::manual_seed(5);
    taught.logits = torch::randn({6, 8});                    // [N, V]
    taught.alpha_sum = torch::rand({3, 5});                  // [R, L]
    taught.lengths = torch::tensor({3.0f, 2.0f, 1.0f});      // [R]
  }
};

TEST(CrossEntropyLoss, SpreadsTheSmoothedShareOverTheVocabulary) {
  const Fixture f;
  TrainOptions options;
  options.label_smoothing = 0.2;
  double expected = 0;
  for (int64_t n = 0; n < 6; ++n) {
    double sum = 0;
    for (int64_t v = 0; v < 8; ++v) sum += std::exp(f.taught.logits[n][v].item<double>());
    for (int64_t v = 0; v < 8; ++v) {
      const double q = 0.2 / 8 + (v == f.captions.targets[n].item<int64_t>() ? 0.8 : 0);
      expected -= q * (f.taught.logits[n][v].item<double>() - std::log(sum)) / 6;
    }
  }
  const auto loss = cross_entropy_loss(f.taught, f.captions, options);
  EXPECT_NEAR(loss.cross_entropy.item<double>(), expected, 1e-5);
  EXPECT_EQ(loss.total.item<double>(), loss.cross_entropy.item<double>());
}

TEST(CrossEntropyLoss, AddsThePapersRegularizer) {
  const Fixture f;
  TrainOptions options;
  options.doubly_stochastic = 0.5;
  options.doubly_stochastic_form = "sum";
  double expected = 0;
  for (int64_t r = 0; r < 3; ++r)
    for (int64_t l = 0; l < 5; ++l) expected += std::pow(1 - f.taught.alpha_sum[r][l].item<double>(), 2) / 3;
  const auto loss = cross_entropy_loss(f.taught, f.captions, options);
  EXPECT_NEAR(loss.total.item<double>() - loss.cross_entropy.item<double>(), 0.5 * expected, 1e-5);
}

TEST(CrossEntropyLoss, MeanRegularizerIsZeroForEvenAttentionOnAnyGrid) {
  Fixture f;
  TrainOptions options;
  options.doubly_stochastic = 1;
  options.doubly_stochastic_form = "mean";
  for (const int64_t L : {4, 81}) {
    f.taught.alpha_sum = (f.taught.lengths / static_cast<double>(L)).unsqueeze(1).expand({3, L});  // [R, L]
    const auto even = cross_entropy_loss(f.taught, f.captions, options);
    EXPECT_NEAR(even.total.item<double>() - even.cross_entropy.item<double>(), 0, 1e-6);
    f.taught.alpha_sum = torch::zeros({3, L});  // [R, L]
    f.taught.alpha_sum.select(1, 0).copy_(f.taught.lengths);
    const auto peaked = cross_entropy_loss(f.taught, f.captions, options);
    EXPECT_NEAR(peaked.total.item<double>() - peaked.cross_entropy.item<double>(), static_cast<double>(L - 1), 1e-3);
  }
}

TEST(Schedule, WarmsUpAndFallsAlongACosine) {
  TrainOptions options;
  options.warmup_steps = 10;
  EXPECT_NEAR(schedule_factor(options, 0, 110), 0.1, 1e-12);
  EXPECT_NEAR(schedule_factor(options, 9, 110), 1, 1e-12);
  EXPECT_NEAR(schedule_factor(options, 60, 110), 0.5, 1e-12);
  EXPECT_NEAR(schedule_factor(options, 110, 110), 0, 1e-12);
  options.schedule = "constant";
  EXPECT_NEAR(schedule_factor(options, 100, 110), 1, 1e-12);
}

}  // namespace
}  // namespace attend
