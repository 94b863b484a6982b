#include "model/familiarity.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"

namespace attend {
namespace {

/// Directions [n, D] near a few lines.
torch::Tensor directions(int64_t n, int64_t D, int seed) {
  torch::manual_seed(seed);
  const auto axes = torch::randn({3, D}) + 1;                                                              // [3, D]
  return mean_directions((torch::randn({n, 3}).mm(axes) + 0.05 * torch::randn({n, D}) + 4).unsqueeze(1));  // [n, D]
}

TEST(Familiarity, DirectionsAreThoseOfTheMeanAnnotation) {
  const auto annotations = torch::rand({2, 5, 7});  // [B, L, D]
  const auto found = mean_directions(annotations);  // [B, D]
  for (int64_t b = 0; b < 2; ++b)
    for (int64_t d = 0; d < 7; ++d) {
      double norm = 0;
      for (int64_t e = 0; e < 7; ++e) norm += std::pow(annotations[b].mean(0)[e].item<double>(), 2);
      EXPECT_NEAR(found[b][d].item<double>(), annotations[b].mean(0)[d].item<double>() / std::sqrt(norm), 1e-6);
    }
  EXPECT_TRUE(torch::isfinite(mean_directions(torch::zeros({1, 5, 7}))).all().item<bool>());
}

TEST(Familiarity, DistanceIsMahalanobisOfTheGaussianWithThatRank) {
  constexpr int64_t D = 12, n = 9;                               // fewer pictures than sizes: 7 principal directions
  const auto pictures = directions(n, D, 1).to(torch::kDouble);  // [n, D]
  const Familiarity familiarity(pictures);
  EXPECT_EQ(familiarity.directions(), 7);
  // The covariance of that rank, whole, and its inverse.
  const auto mean = pictures.mean(0);    // [D]
  const auto centred = pictures - mean;  // [n, D]
  const auto [values, vectors] = torch::linalg_eigh(centred.t().mm(centred) / n, "L");
  auto kept = values.clone();  // [D] ascending
  kept.slice(0, 0, D - 7).fill_(values.slice(0, 0, D - 7).mean().clamp_min(1e-8));
  const auto inverse = torch::linalg_inv(vectors.mm(kept.diag()).mm(vectors.t()));  // [D, D]
  const auto others = directions(4, D, 2);                                          // [B, D]
  const auto found = familiarity.place(others);
  for (int64_t b = 0; b < 4; ++b) {
    const auto far = (others[b].to(torch::kDouble) - mean).unsqueeze(0);  // [1, D]
    const double expected = far.mm(inverse).mm(far.t()).item<double>();
    EXPECT_NEAR(found.distance[b].item<double>() / expected, 1, 0.1) << b;  // it is kept in half precision
    EXPECT_NEAR(found.coordinates[b][0].item<double>(),
                far.mm(vectors.slice(1, D - 1, D)).item<double>() / std::sqrt(values[D - 1].item<double>()), 0.05);
  }
}

TEST(Familiarity, WhatLiesAsideOfAllTrainingPicturesIsFar) {
  const auto pictures = directions(300, 40, 3);
  const Familiarity familiarity(pictures);
  const double usual = familiarity.place(pictures).distance.mean().item<double>();
  EXPECT_NEAR(usual, 40, 4);  // the mean over the pictures it was fitted on is D
  const auto strange = mean_directions(torch::rand({50, 1, 40}));
  EXPECT_GT(familiarity.place(strange).distance.min().item<double>(), 3 * usual);
}

TEST(Familiarity, ComesBackFromItsStateAndRefusesOneThatDoesNotFit) {
  const Familiarity familiarity(directions(100, 20, 4));
  auto state = familiarity.state();
  for (auto& [name, tensor] : state) tensor = tensor.to(torch::kHalf);
  const auto loaded = Familiarity::load(state, 20, "model");
  ASSERT_TRUE(loaded);
  const auto others = directions(5, 20, 5);
  EXPECT_TRUE(torch::equal(loaded->place(others).distance, familiarity.place(others).distance));
  EXPECT_FALSE(Familiarity::load({}, 20, "model"));
  EXPECT_THROW(Familiarity::load(state, 21, "model"), InputError);
  auto cut = state;
  cut.erase("familiarity.mean");
  EXPECT_THROW(Familiarity::load(cut, 20, "model"), InputError);
  cut = state;
  cut["familiarity.deviation"] = cut["familiarity.deviation"].slice(0, 1);
  EXPECT_THROW(Familiarity::load(cut, 20, "model"), InputError);
}

}  // namespace
}  // namespace attend
