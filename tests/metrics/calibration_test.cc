#include "metrics/calibration.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

namespace attend {
namespace {

struct Cases {
  std::vector<double> probabilities;
  std::vector<bool> came_true;
};

/// Cases that come true as often as is said of them, many of equal probability.
Cases honest(int count, int seed) {
  std::mt19937 random(seed);
  Cases made;
  for (int i = 0; i < count; ++i) {
    made.probabilities.push_back(static_cast<double>(random() % 41) / 40);
    made.came_true.push_back(static_cast<double>(random() % 1000) / 1000 < made.probabilities.back());
  }
  return made;
}

TEST(Calibration, AreaUnderTheCurveIsTheShareOfPairsInTheRightOrder) {
  for (int seed = 0; seed < 5; ++seed) {
    const auto [values, came_true] = honest(80, seed);
    double won = 0, pairs = 0;
    for (size_t a = 0; a < values.size(); ++a)
      for (size_t b = 0; b < values.size(); ++b)
        if (came_true[a] && !came_true[b]) {
          ++pairs;
          won += values[a] > values[b] ? 1 : values[a] == values[b] ? 0.5 : 0;
        }
    EXPECT_NEAR(area_under_curve(values, came_true), won / pairs, 1e-12);
  }
  EXPECT_TRUE(std::isnan(area_under_curve(std::vector<double>{1, 2}, {true, true})));
  EXPECT_EQ(area_under_curve(std::vector<double>{1, 2, 3}, {false, false, true}), 1);
  EXPECT_EQ(area_under_curve(std::vector<double>{1, 1, 1}, {false, false, true}), 0.5);
}

TEST(Calibration, ErrorIsTheMeanDistanceOfWhatIsSaidAndWhatComesTrue) {
  const std::vector<double> said{0.05, 0.15, 0.15, 0.95, 1};
  const std::vector<bool> came_true{false, true, false, true, true};
  const auto bins = reliability(said, came_true);
  ASSERT_EQ(bins.size(), 10u);
  EXPECT_EQ(bins[1].cases, 2u);
  EXPECT_NEAR(bins[1].probability, 0.15, 1e-12);
  EXPECT_NEAR(bins[1].share, 0.5, 1e-12);
  EXPECT_EQ(bins[9].cases, 2u);  // 1 lies in the last one
  EXPECT_EQ(bins[5].cases, 0u);
  EXPECT_NEAR(expected_calibration_error(bins), (0.05 + 2 * 0.35 + 2 * 0.025) / 5, 1e-12);
  EXPECT_EQ(expected_calibration_error(reliability({}, {})), 0);
}

TEST(Calibration, ErrorVanishesWhereWhatIsSaidIsTrueAndDoesNotElsewhere) {
  auto [said, came_true] = honest(200000, 3);
  EXPECT_LT(expected_calibration_error(reliability(said, came_true)), 0.006);
  for (auto& value : said) value = 0.5 + value / 2;
  EXPECT_GT(expected_calibration_error(reliability(said, came_true)), 0.2);
}

TEST(Calibration, AQuantileIsTheLeastValueThatSoManyDoNotExceed) {
  std::mt19937 random(1);
  for (int count = 1; count < 30; ++count) {
    std::vector<double> values;
    for (int i = 0; i < count; ++i) values.push_back(static_cast<double>(random() % 10));
    for (const double share : {0.0, 0.3, 0.5, 0.95, 1.0}) {
      const double found = quantile(values, share);
      const auto within = [&](double least) {
        return static_cast<double>(
            std::count_if(values.begin(), values.end(), [&](double value) { return value <= least; }));
      };
      EXPECT_GE(within(found), share * count);
      EXPECT_LT(within(found - 0.5), std::max(1.0, share * count));
    }
  }
}

}  // namespace
}  // namespace attend
