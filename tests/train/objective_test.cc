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
    taught.logits = torch::randn({6, 8});  // [N, V]
    weigh([](int64_t rows) { return torch::rand({rows, 5}); });
  }
  /// alphas of rows of 3, 2 and 1 steps, each what `make` makes for so many rows.
  template <class Make>
  void weigh(const Make& make) {
    taught.alphas.clear();
    for (const int64_t rows : captions.rows_at) taught.alphas.push_back(make(rows));
  }
  double sum_of_alpha(int64_t row, int64_t cell) const {
    double sum = 0;
    for (const auto& alpha : taught.alphas)
      if (row < alpha.size(0)) sum += alpha[row][cell].item<double>();
    return sum;
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

TEST(CrossEntropyLoss, SharesItselfBetweenTheTrainingCaptionsAndTheTeachers) {
  Fixture f;
  f.taught.logits.set_requires_grad(true);
  const auto teachers = torch::randn({6, 8}).log_softmax(1);  // [N, V]
  TrainOptions options;
  const double alone = cross_entropy_loss(f.taught, f.captions, options).total.item<double>();
  const auto said = f.taught.logits.log_softmax(1);  // [N, V]
  double divergence = 0;
  for (int64_t n = 0; n < 6; ++n)
    for (int64_t v = 0; v < 8; ++v) {
      const double log_p = teachers[n][v].item<double>();
      divergence += std::exp(log_p) * (log_p - said[n][v].item<double>()) / 6;
    }
  for (const double weight : {0.0, 0.3, 1.0}) {
    options.distillation_weight = weight;
    const auto loss = cross_entropy_loss(f.taught, f.captions, options, teachers);
    EXPECT_NEAR(loss.distillation.item<double>(), divergence, 1e-5);
    EXPECT_NEAR(loss.cross_entropy.item<double>(), alone, 1e-5);
    EXPECT_NEAR(loss.total.item<double>(), (1 - weight) * alone + weight * divergence, 1e-5);
  }
  // What is left at the weight 1 pulls each word's distribution towards the teachers': its gradient is their difference.
  cross_entropy_loss(f.taught, f.captions, options, teachers).total.backward();
  EXPECT_TRUE(torch::allclose(f.taught.logits.grad(), (said.exp() - teachers.exp()) / 6, 1e-4, 1e-6));
}

TEST(CrossEntropyLoss, CountsEachWordByItsWeightAndReportsThemAllAlike) {
  Fixture f;
  f.taught.logits.set_requires_grad(true);
  const auto teachers = torch::randn({6, 8}).log_softmax(1);                          // [N, V]
  const auto weights = torch::tensor({0.0, 0.5, 2.0, 1.0, 0.0, 3.0}, torch::kFloat);  // [N]
  TrainOptions options;
  options.distillation_weight = 0.3;
  const auto said = f.taught.logits.detach().log_softmax(1);  // [N, V]
  double expected = 0;
  for (int64_t n = 0; n < 6; ++n) {
    double true_word = 0, divergence = 0;
    for (int64_t v = 0; v < 8; ++v) {
      const double q =
          options.label_smoothing / 8 + (v == f.captions.targets[n].item<int64_t>() ? 1 - options.label_smoothing : 0);
      const double log_p = teachers[n][v].item<double>();
      true_word -= q * said[n][v].item<double>();
      divergence += std::exp(log_p) * (log_p - said[n][v].item<double>());
    }
    expected += weights[n].item<double>() * (0.7 * true_word + 0.3 * divergence) / 6;
  }
  const auto weighted = cross_entropy_loss(f.taught, f.captions, options, teachers, weights);
  const auto plain = cross_entropy_loss(f.taught, f.captions, options, teachers);
  EXPECT_NEAR(weighted.total.item<double>(), expected, 1e-5);
  EXPECT_EQ(weighted.cross_entropy.item<double>(), plain.cross_entropy.item<double>());
  EXPECT_EQ(weighted.distillation.item<double>(), plain.distillation.item<double>());
  weighted.total.backward();
  const auto gradient = f.taught.logits.grad().abs().sum(1);  // [N]
  for (int64_t n = 0; n < 6; ++n) EXPECT_EQ(gradient[n].item<double>() > 0, weights[n].item<double>() > 0) << n;
}

TEST(HardAttentionLoss, CountsEachWordByItsWeight) {
  Fixture f;
  f.taught.locations = torch::tensor({0, 1, 2, 3, 4, 0}, torch::kInt64);  // [N]
  for (auto& alpha : f.taught.alphas) alpha.set_requires_grad(true);
  const TrainOptions options;
  const auto ones = hard_attention_loss(f.taught, f.captions, options, -2, torch::ones({6})).total;
  EXPECT_NEAR(ones.item<double>(), hard_attention_loss(f.taught, f.captions, options, -2).total.item<double>(), 1e-5);
  const auto weights =
      torch::tensor({1.0, 0.0, 0.0, 1.0, 0.0, 1.0}, torch::kFloat);  // [N]: of the longest caption alone
  hard_attention_loss(f.taught, f.captions, options, -2, weights).total.backward();
  for (const auto& alpha : f.taught.alphas)
    for (int64_t row = 0; row < alpha.size(0); ++row)
      EXPECT_EQ(alpha.grad()[row].abs().sum().item<double>() > 0, row == 0);
}

TEST(CrossEntropyLoss, AddsThePapersRegularizer) {
  const Fixture f;
  TrainOptions options;
  options.doubly_stochastic = 0.5;
  options.doubly_stochastic_form = "sum";
  double expected = 0;
  for (int64_t r = 0; r < 3; ++r)
    for (int64_t l = 0; l < 5; ++l) expected += std::pow(1 - f.sum_of_alpha(r, l), 2) / 3;
  const auto loss = cross_entropy_loss(f.taught, f.captions, options);
  EXPECT_NEAR(loss.total.item<double>() - loss.cross_entropy.item<double>(), 0.5 * expected, 1e-5);
}

TEST(CrossEntropyLoss, MeanRegularizerIsZeroForEvenAttentionOnAnyGrid) {
  Fixture f;
  TrainOptions options;
  options.doubly_stochastic = 1;
  options.doubly_stochastic_form = "mean";
  for (const int64_t L : {4, 81}) {
    f.weigh([&](int64_t rows) { return torch::full({rows, L}, 1.0 / static_cast<double>(L)); });
    const auto even = cross_entropy_loss(f.taught, f.captions, options);
    EXPECT_NEAR(even.total.item<double>() - even.cross_entropy.item<double>(), 0, 1e-6);
    f.weigh([&](int64_t rows) { return torch::zeros({rows, L}).index_fill(1, torch::zeros({1}, torch::kInt64), 1); });
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
