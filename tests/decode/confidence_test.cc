#include "decode/confidence.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "base/error.h"

namespace attend {
namespace {

TEST(Logistic, IsTheLikeliestWithItsRidge) {
  std::mt19937 random(4);
  std::normal_distribution<double> normal;
  std::vector<std::vector<double>> cases;
  std::vector<bool> came_true;
  for (int i = 0; i < 60; ++i) {
    cases.push_back({3 + 2 * normal(random), normal(random), 7});  // the last one never differs
    came_true.push_back(cases.back()[0] - 3 + normal(random) > 0);
  }
  const auto fitted = fit_logistic(cases, came_true, 2);
  const auto cost = [&](const LogisticRegression& one) {
    double sum = 0;
    for (size_t i = 0; i < cases.size(); ++i) {
      const double p = one.probability(cases[i]);
      sum -= std::log(came_true[i] ? p : 1 - p);
    }
    for (const double weight : one.weights) sum += weight * weight;  // ridge / 2
    return sum;
  };
  const double least = cost(fitted);
  for (size_t i = 0; i <= fitted.weights.size(); ++i)
    for (const double change : {-1e-3, 1e-3}) {
      auto other = fitted;
      (i < other.weights.size() ? other.weights[i] : other.intercept) += change;
      EXPECT_GT(cost(other), least) << i;
    }
  EXPECT_EQ(fitted.deviation[2], 1);
  EXPECT_NEAR(fitted.weights[2], 0, 1e-9);
  EXPECT_GT(fitted.weights[0], 1);
}

TEST(Logistic, ExistsWhereCasesCanBeToldApartAndWhereAllCameOutAlike) {
  const auto apart = fit_logistic({{0}, {1}, {2}, {3}}, {false, false, true, true}, 0.1);
  EXPECT_GT(apart.probability({3}), 0.9);
  EXPECT_LT(apart.probability({0}), 0.1);
  const auto alike = fit_logistic({{0}, {1}, {2}}, {true, true, true}, 1);
  EXPECT_GT(alike.probability({1}), 0.99);
}

Caption caption() {
  Caption made;
  made.words = {"a", "dog"};
  made.plain_word_log_probability = {std::log(0.5), std::log(0.25), std::log(0.8)};
  made.alpha = torch::tensor({{0.5f, 0.5f, 0.f, 0.f}, {0.25f, 0.25f, 0.25f, 0.25f}});  // [T, L]
  return made;
}

TEST(Evidence, IsWhatItsListSays) {
  const Vocabulary counted({"<pad>", "<start>", "<end>", "<unk>", "a", "dog"}, {0, 0, 10, 0, 10, 2});
  const auto evidence = evidence_of({{caption()}}, counted, nullptr);
  ASSERT_EQ(evidence.size(), 1u);
  ASSERT_EQ(evidence[0].size(), evidence_size(std::nullopt));
  EXPECT_NEAR(evidence[0][0], std::log(0.5 * 0.25 * 0.8) / 3, 1e-12);
  EXPECT_NEAR(evidence[0][1], std::log(0.25), 1e-12);
  EXPECT_EQ(evidence[0][2], 3);
  EXPECT_NEAR(evidence[0][3], 0.25, 1e-12);  // "a" stands in every caption and counts for nothing
  EXPECT_NEAR(evidence[0][4], std::log(5), 1e-12);
  EXPECT_NEAR(evidence[0][5], (std::log(2) + std::log(4)) / 2, 1e-6);
  const Vocabulary uncounted({"<pad>", "<start>", "<end>", "<unk>", "a", "dog"});
  EXPECT_NEAR(evidence_of({{caption()}}, uncounted, nullptr)[0][3], 0.375, 1e-12);

  torch::manual_seed(1);
  const auto pictures = mean_directions(torch::rand({50, 1, 20}));  // [n, D]
  const std::optional<Familiarity> familiarity(pictures);
  const auto place = familiarity->place(pictures.slice(0, 0, 1));
  const auto placed = evidence_of({{caption()}}, counted, &place)[0];
  ASSERT_EQ(placed.size(), evidence_size(familiarity));
  EXPECT_NEAR(placed[6], std::log(place.distance[0].item<double>()), 1e-6);
  for (int64_t k = 0; k < kEvidenceDirections; ++k)
    EXPECT_EQ(placed[static_cast<size_t>(7 + k)], place.coordinates[0][k].item<float>());
}

Calibration calibration() {
  Calibration made;
  made.regression = {{0, 1}, {1, 2}, {0.5, -1}, 0.25};
  made.familiar_within = 100;
  made.made_with = {{"beam_width", 5}, {"input_size", 64}};
  made.about = {{"seed", 1}};
  return made;
}

TEST(CalibrationTest, ComesBackFromJsonAndRefusesWhatDoesNotFit) {
  const Json json = calibration().to_json();
  const auto read = Calibration::parse(Json::parse(json.dump()), 2, "model");
  EXPECT_EQ(read.to_json(), json);
  EXPECT_NEAR(read.confidence({1, 2}, 50), 1 / (1 + std::exp(-(0.25 + 0.5 * 1 - 1 * (2 - 1) / 2.0))), 1e-12);
  EXPECT_THROW(Calibration::parse(json, 3, "model"), InputError);
  for (const char* key : {"weights", "intercept", "made_with", "familiar_within"}) {
    Json broken = json;
    broken[key] = "x";
    if (std::string(key) == "made_with") broken.erase(key);
    EXPECT_THROW(Calibration::parse(broken, 2, "model"), InputError) << key;
  }
  EXPECT_THROW(Calibration::parse(Json::array(), 2, "model"), InputError);
}

TEST(CalibrationTest, BeyondWhatIsFamiliarConfidenceFallsToNone) {
  const auto made = calibration();
  const double sure = made.confidence({0, 1}, 100);
  EXPECT_EQ(made.confidence({0, 1}, 0), sure);
  EXPECT_NEAR(made.confidence({0, 1}, 112.5), sure / 2, 1e-12);
  EXPECT_EQ(made.confidence({0, 1}, 125), 0);
  EXPECT_EQ(made.confidence({0, 1}, 1e6), 0);
  auto unknowing = made;
  unknowing.familiar_within = 0;
  EXPECT_EQ(unknowing.confidence({0, 1}, 1e6), sure);
}

TEST(CalibrationTest, TheFirstSettingThatDiffersIsNamed) {
  const Json made_with{{"beam_width", 5}, {"input_size", 64}};
  EXPECT_EQ(difference_of(made_with, made_with), "");
  EXPECT_EQ(difference_of(made_with, {{"beam_width", 5}, {"input_size", 96}}), "input_size 64, now 96");
  EXPECT_EQ(difference_of(made_with, {{"other", 1}}), "other unknown, now 1");
}

}  // namespace
}  // namespace attend
