#include "decode/rank_correlation.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

namespace attend {
namespace {

/// By the definition: a value's rank is the number of smaller ones and half the number of the other equal ones.
double brute_force(const std::vector<float>& a, const std::vector<float>& b) {
  const auto ranks = [](const std::vector<float>& values) {
    std::vector<double> list;
    for (const float value : values) {
      double rank = -0.5;  // it is equal to itself
      for (const float other : values) rank += other < value ? 1 : other == value ? 0.5 : 0;
      list.push_back(rank);
    }
    return list;
  };
  const auto x = ranks(a), y = ranks(b);
  const double n = static_cast<double>(a.size());
  double mx = 0, my = 0, xy = 0, xx = 0, yy = 0;
  for (size_t i = 0; i < a.size(); ++i) mx += x[i] / n, my += y[i] / n;
  for (size_t i = 0; i < a.size(); ++i) {
    xy += (x[i] - mx) * (y[i] - my);
    xx += (x[i] - mx) * (x[i] - mx);
    yy += (y[i] - my) * (y[i] - my);
  }
  return xy / std::sqrt(xx * yy);
}

TEST(RankCorrelation, EqualsBruteForceWithAndWithoutTies) {
  std::mt19937 generator(3);
  for (const int values : {2, 3, 10, 1000}) {  // the fewer values there are, the more ties
    for (const size_t size : {2, 3, 7, 81, 200}) {
      std::uniform_int_distribution<int> value(0, values - 1);
      std::vector<float> a, b;
      for (size_t i = 0; i < size; ++i) {
        a.push_back(static_cast<float>(value(generator)) / 7);
        b.push_back(static_cast<float>(value(generator)) + 0.3f * a.back());
      }
      const double expected = brute_force(a, b), got = rank_correlation(a, b);
      EXPECT_EQ(std::isnan(expected), std::isnan(got));
      if (!std::isnan(expected)) {
        EXPECT_NEAR(got, expected, 1e-12) << size << " of " << values;
      }
    }
  }
}

TEST(RankCorrelation, SeesOrderAlone) {
  const std::vector<float> rising{0, 1, 2, 3, 4}, bent{-9, 0.1f, 0.2f, 0.3f, 1000}, falling{5, 4, 3, 2, -1};
  EXPECT_DOUBLE_EQ(rank_correlation(rising, bent), 1);
  EXPECT_DOUBLE_EQ(rank_correlation(rising, falling), -1);
  // Textbook: one exchange of neighbours among n is 1 - 6 · 2 / (n (n² - 1)).
  EXPECT_NEAR(rank_correlation(rising, std::vector<float>{0, 2, 1, 3, 4}), 0.9, 1e-12);
}

TEST(RankCorrelation, IsNotANumberWhereNothingCanBeRanked) {
  EXPECT_TRUE(std::isnan(rank_correlation({}, {})));
  EXPECT_TRUE(std::isnan(rank_correlation(std::vector<float>{1}, std::vector<float>{2})));
  EXPECT_TRUE(std::isnan(rank_correlation(std::vector<float>{1, 1, 1}, std::vector<float>{1, 2, 3})));
}

}  // namespace
}  // namespace attend
