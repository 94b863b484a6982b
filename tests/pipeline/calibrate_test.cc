#include "pipeline/calibrate.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace attend {
namespace {

/// Captions of which a number says how likely they are better: as a logistic function has it.
JudgedSet set_of(const std::string& name, size_t count, uint64_t seed, double farthest) {
  std::mt19937_64 generator(seed);
  std::uniform_real_distribution<double> any;
  JudgedSet set{name, {}};
  for (size_t i = 0; i < count; ++i) {
    const double number = 8 * any(generator) - 4;
    set.captions.push_back({{number},
                            farthest * static_cast<double>(i) / static_cast<double>(count),
                            any(generator) < 1 / (1 + std::exp(-number)),
                            static_cast<int>(i % 2)});
  }
  return set;
}

TEST(Calibrate, MeasuresEachSetAndAllOfThem) {
  const auto report = calibrate({set_of("a.json", 4000, 1, 0), set_of("b.json", 2000, 2, 0)}, false, 7);
  ASSERT_EQ(report.sets.size(), 2u);
  EXPECT_EQ(report.sets[0].pictures, 4000u);
  EXPECT_EQ(report.all.pictures, 6000u);
  for (const auto* trust : {&report.sets[0], &report.sets[1], &report.all}) {
    EXPECT_LT(trust->calibration_error, 0.06);  // the ridge makes it careful
    EXPECT_GT(trust->area_under_curve, 0.85);
    EXPECT_FALSE(trust->unfamiliar);
  }
  EXPECT_EQ(report.calibration.familiar_within, 0);
  EXPECT_NEAR(report.calibration.confidence({2}, 0), 1 / (1 + std::exp(-2)), 0.03);
  const Json& about = report.calibration.about;
  EXPECT_EQ(about["seed"], 7);
  EXPECT_EQ(about["pictures"], 6000);
  EXPECT_EQ(about["files"][1]["captions"], "b.json");
  EXPECT_EQ(about["files"][1]["area_under_curve"], report.sets[1].figures()["area_under_curve"]);
}

TEST(Calibrate, MeasuresAHalfByTheOtherOne) {
  auto set = set_of("a.json", 400, 3, 0);  // what holds of one half is wrong of the other
  for (auto& caption : set.captions) caption.better = (caption.evidence[0] > 0) == (caption.half == 0);
  EXPECT_LT(calibrate({set}, false, 1).all.area_under_curve, 0.01);
}

TEST(Calibrate, CallsAFewOfEverySetUnfamiliar) {
  const auto report = calibrate({set_of("near.json", 1000, 4, 10), set_of("far.json", 1000, 5, 20)}, true, 1);
  EXPECT_NEAR(report.calibration.familiar_within, 19, 0.1);
  EXPECT_EQ(report.sets[0].unfamiliar, 0);
  EXPECT_NEAR(*report.sets[1].unfamiliar, 0.05, 0.002);
  EXPECT_NEAR(report.all.figures()["called_unfamiliar"].get<double>(), 0.025, 0.001);
}

}  // namespace
}  // namespace attend
