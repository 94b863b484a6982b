#include "metrics/bootstrap.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "metrics/measure.h"
#include "text/ptb_tokenizer.h"

namespace attend {
namespace {

FigureOf mean_of(const std::vector<double>& values) {
  return [&values](std::span<const uint32_t> pictures) {
    double sum = 0;
    for (const auto picture : pictures) sum += values[picture];
    return sum / static_cast<double>(pictures.size());
  };
}

TEST(Bootstrap, IntervalOfAMeanIsThatOfTheNormalDistribution) {
  std::mt19937 random(2);
  std::normal_distribution<double> normal(10, 2);
  std::vector<double> values(400);
  double sum = 0, squares = 0;
  for (auto& value : values) sum += value = normal(random), squares += value * value;
  const double mean = sum / 400, error = std::sqrt((squares / 400 - mean * mean) / 400);
  const auto [low, high] = interval_95(Resamples(values.size(), 4000, 1).figures(mean_of(values), 2));
  EXPECT_NEAR(low, mean - 1.96 * error, 0.1 * error);
  EXPECT_NEAR(high, mean + 1.96 * error, 0.1 * error);
}

TEST(Bootstrap, SeedDecidesTheResamplesAndThreadsDoNot) {
  const std::vector<double> values{1, 2, 3, 4, 5, 6, 7};
  const auto figures = [&](uint64_t seed, int threads) {
    return Resamples(values.size(), 50, seed).figures(mean_of(values), threads);
  };
  EXPECT_EQ(figures(1, 1), figures(1, 4));
  EXPECT_NE(figures(1, 1), figures(2, 1));
}

TEST(Bootstrap, IntervalsOfKnownFigures) {
  std::vector<double> figures;
  for (int i = 1000; i >= 0; --i) figures.push_back(i);
  EXPECT_NEAR(interval_95(figures).low, 25, 1e-9);
  EXPECT_NEAR(interval_95(figures).high, 975, 1e-9);
  EXPECT_EQ(interval_95({3}).low, 3);
  EXPECT_EQ(interval_95({3}).high, 3);
}

TEST(Bootstrap, PValues) {
  const std::vector<double> low(99, 1.0), high(99, 2.0);
  EXPECT_NEAR(paired_p_value(low, high), 0.02, 1e-12);
  EXPECT_NEAR(paired_p_value(high, low), 0.02, 1e-12);
  EXPECT_EQ(paired_p_value(low, low), 1);
  // Where there is no difference, p is below 0.05 in about one of twenty sets.
  std::mt19937 random(9);
  std::normal_distribution<double> normal;
  int sure = 0;
  for (int round = 0; round < 200; ++round) {
    std::vector<double> a(60), b(60);
    for (size_t i = 0; i < a.size(); ++i) a[i] = normal(random), b[i] = normal(random);
    const Resamples resamples(a.size(), 200, 1);
    sure += paired_p_value(resamples.figures(mean_of(a), 1), resamples.figures(mean_of(b), 1)) < 0.05;
  }
  EXPECT_GE(sure, 2);
  EXPECT_LE(sure, 24);
}

TEST(Measures, OfAllPicturesAreTheCorpusFigures) {
  std::vector<CaptionPair> pairs;
  for (const auto& [candidate, reference] : std::vector<std::pair<std::string, std::string>>{
           {"a black dog runs on the beach", "a black dog is running on the sand"},
           {"two boys play", "two boys play football"},
           {"the cat", "a cat sleeps on a red sofa"}})
    pairs.push_back({caption_tokens(candidate), {caption_tokens(reference)}});
  const auto measures = measure(pairs, {});
  std::vector<std::string> keys;
  for (const auto& measure : measures) {
    keys.push_back(measure.key);
    EXPECT_NEAR(measure.of(std::vector<uint32_t>{0, 1, 2}), measure.corpus, 1e-12) << measure.key;
    EXPECT_NEAR(measure.of(std::vector<uint32_t>{1}), measure.pictures[1], 1e-12) << measure.key;
    EXPECT_EQ(measure.pictures.size(), 3u);
  }
  EXPECT_THAT(keys, testing::ElementsAre("bleu_1", "bleu_2", "bleu_3", "bleu_4", "meteor_exact_stem", "rouge_l",
                                         "cider", "cider_d"));
}

}  // namespace
}  // namespace attend
