#include "train/optimizer.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace attend {
namespace {

using torch::Tensor;

/// The same gradients, one a step, for any optimizer.
Tensor gradient(int step, const Tensor& like) {
  torch::manual_seed(100 + step);
  return torch::randn_like(like);
}

TrainOptions plain_options() {
  TrainOptions options;
  options.learning_rate = 0.01;
  options.weight_decay = 0.1;
  options.averaging = 0;
  return options;
}

class UpdateRules : public testing::TestWithParam<std::string> {};

/// Twenty updates of `ours` beside LibTorch's of the same values.
void expect_as_libtorch(const std::string& optimizer_name, Tensor ours) {
  Tensor theirs = ours.clone();
  auto options = plain_options();
  options.optimizer = optimizer_name;
  Optimizer optimizer({{"w", ours}}, options);
  torch::optim::AdamW adamw({theirs}, torch::optim::AdamWOptions(0.01).weight_decay(0.1));
  torch::optim::Adam adam({theirs}, torch::optim::AdamOptions(0.01).weight_decay(0.1));
  torch::optim::RMSprop rmsprop({theirs}, torch::optim::RMSpropOptions(0.01).alpha(0.9).weight_decay(0.1));
  for (int step = 0; step < 20; ++step) {
    ours.mutable_grad() = gradient(step, ours);
    theirs.mutable_grad() = ours.grad().clone();
    optimizer.step(1);
    if (optimizer_name == "adamw")
      adamw.step();
    else if (optimizer_name == "adam")
      adam.step();
    else
      rmsprop.step();
  }
  EXPECT_TRUE(torch::allclose(ours, theirs, 1e-5, 1e-6));
}

TEST_P(UpdateRules, EqualLibTorchs) {
  torch::manual_seed(1);
  expect_as_libtorch(GetParam(), torch::randn({3, 4}));
  expect_as_libtorch(GetParam(), torch::randn({331, 401}));  // shared by several threads, and no whole vectors
}

TEST_P(UpdateRules, AreTheSameHoweverNumbersLieInMemory) {
  torch::manual_seed(1);
  expect_as_libtorch(GetParam(), torch::randn({5, 4, 3, 2}).contiguous(at::MemoryFormat::ChannelsLast));
  expect_as_libtorch(GetParam(), torch::randn({7, 6}).t());
  expect_as_libtorch(GetParam(), torch::randn({7, 6}).narrow(1, 1, 4));  // not dense: LibTorch's way
  Tensor ours = torch::randn({7, 6}), same = ours.clone();
  auto options = plain_options();
  options.optimizer = GetParam();
  Optimizer optimizer({{"ours", ours}, {"same", same}}, options);
  for (int step = 0; step < 3; ++step) {
    ours.mutable_grad() = gradient(step, ours);
    same.mutable_grad() = ours.grad().t().contiguous().t();  // [7, 6]
    optimizer.step(1);
  }
  EXPECT_TRUE(torch::equal(ours, same));
}
INSTANTIATE_TEST_SUITE_P(Optimizers, UpdateRules, testing::Values("adamw", "adam", "rmsprop"));

TEST(Optimizer, DoesNotDecayBiases) {
  Tensor bias = torch::ones({4});
  auto options = plain_options();
  Optimizer optimizer({{"b", bias}}, options);
  bias.mutable_grad() = torch::zeros({4});
  optimizer.step(1);
  EXPECT_TRUE(torch::equal(bias, torch::ones({4})));
}

TEST(Optimizer, LeavesParametersWithoutAGradientAlone) {
  Tensor used = torch::ones({2, 2}), unused = torch::ones({2, 2});
  Optimizer optimizer({{"used", used}, {"unused", unused, true}}, plain_options());
  used.mutable_grad() = torch::ones({2, 2});
  optimizer.step(1);
  EXPECT_TRUE(torch::equal(unused, torch::ones({2, 2})));
  EXPECT_FALSE(torch::equal(used, torch::ones({2, 2})));
}

TEST(Optimizer, ClipsTheNormOfTheWholeGradient) {
  Tensor a = torch::zeros({2}), b = torch::zeros({1});
  auto options = plain_options();
  options.clip_norm = 1;
  Optimizer optimizer({{"a", a}, {"b", b}}, options);
  a.mutable_grad() = torch::tensor({3.0f, 0.0f});
  b.mutable_grad() = torch::tensor({4.0f});
  EXPECT_NEAR(optimizer.clip(), 5, 1e-6);
  EXPECT_NEAR(a.grad()[0].item<double>(), 0.6, 1e-6);
  EXPECT_NEAR(b.grad()[0].item<double>(), 0.8, 1e-6);
}

TEST(Optimizer, AveragesWeightsWithAWarmUpAndSwapsThemIn) {
  Tensor w = torch::zeros({1});
  auto options = plain_options();
  options.averaging = 0.9;
  Optimizer optimizer({{"w", w}}, options);
  double average = 0;
  for (int step = 1; step <= 200; ++step) {
    w.mutable_grad() = gradient(step, w);
    optimizer.step(1);
    const double decay = std::min(0.9, (1.0 + step) / (10.0 + step));
    average = decay * average + (1 - decay) * w.item<double>();
  }
  const double current = w.item<double>();
  optimizer.swap_average();
  EXPECT_NEAR(w.item<double>(), average, 1e-5);
  optimizer.swap_average();
  EXPECT_EQ(w.item<double>(), current);
}

TEST(Optimizer, GoesOnFromItsSavedStateAsIfNothingHadHappened) {
  const auto run = [](int break_after) {
    Tensor w = torch::ones({3, 2});
    auto options = plain_options();
    options.averaging = 0.99;
    auto optimizer = std::make_unique<Optimizer>(std::vector<TrainedParameter>{{"w", w}}, options);
    for (int step = 0; step < 10; ++step) {
      if (step == break_after) {
        TensorMap state;
        for (const auto& [name, tensor] : optimizer->state()) state[name] = tensor.clone();
        optimizer = std::make_unique<Optimizer>(std::vector<TrainedParameter>{{"w", w}}, options);
        optimizer->load(state, "test");
      }
      w.mutable_grad() = gradient(step, w);
      optimizer->step(0.5);
    }
    optimizer->swap_average();
    return w;
  };
  EXPECT_TRUE(torch::equal(run(-1), run(4)));
}

TEST(Optimizer, RefusesTheStateOfAnotherModel) {
  Tensor w = torch::ones({3, 2}), other = torch::ones({3, 3});
  Optimizer a({{"w", w}}, plain_options()), b({{"w", other}}, plain_options());
  EXPECT_THROW(a.load(b.state(), "checkpoint"), InputError);
}

}  // namespace
}  // namespace attend
