#include "model/layers.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "model/encoder.h"

namespace attend {
namespace {

TEST(Layers, DrawTheWeightsOfLibTorchsOwn) {
  torch::manual_seed(3);
  const auto mine = linear(3, 5);
  torch::manual_seed(3);
  const auto its = torch::nn::Linear(3, 5);
  EXPECT_TRUE(torch::equal(mine->weight, its->weight));
  EXPECT_TRUE(torch::equal(mine->bias, its->bias));
}

TEST(Layers, WithoutFirstWeightsComputeTheSameOnceTheyAreFilled) {
  auto drawn = linear(3, 5), unbiased = linear(4, 2, false);
  auto words = embedding(7, 2);
  const WithoutFirstWeights guard;
  auto later = linear(3, 5), later_unbiased = linear(4, 2, false);
  auto later_words = embedding(7, 2);
  const auto fill = [](torch::nn::Module& to, const torch::nn::Module& from) {
    const torch::NoGradGuard no_grad;
    const auto source = from.named_parameters();
    ASSERT_EQ(to.named_parameters().size(), source.size());
    for (auto& item : to.named_parameters()) {
      EXPECT_TRUE(item.value().requires_grad());
      ASSERT_EQ(item.value().sizes(), source[item.key()].sizes()) << item.key();
      item.value().copy_(source[item.key()]);
    }
  };
  fill(*later, *drawn);
  fill(*later_unbiased, *unbiased);
  fill(*later_words, *words);
  EXPECT_EQ(later->options.out_features(), 5);
  EXPECT_TRUE(torch::equal(later(torch::ones({2, 3})), drawn(torch::ones({2, 3}))));
  EXPECT_TRUE(torch::equal(later_unbiased(torch::ones({2, 4})), unbiased(torch::ones({2, 4}))));
  EXPECT_TRUE(torch::equal(later_words(torch::tensor({6, 0})), words(torch::tensor({6, 0}))));
}

TEST(Layers, FirstWeightsFillTheirBoundAndAreRefusedWhereAFileHoldsFewer) {
  torch::manual_seed(3);
  const auto weights = first_weights({10, 20, 30}, 0.5);
  EXPECT_EQ(weights.sizes(), (std::vector<int64_t>{10, 20, 30}));
  EXPECT_LE(weights.abs().max().item<double>(), 0.5);
  EXPECT_NEAR(weights.square().mean().item<double>(), 0.25 / 3, 0.005);
  const WithoutFirstWeights guard(600, "a.safetensors");
  EXPECT_THROW(first_weights({10, 20, 30}, 0.5), InputError);
  first_weights({20, 30}, 0.5);
  EXPECT_THROW(first_weights({1}, 0.5), InputError);
}

TEST(Layers, AnEncoderDrawsNothingWithoutFirstWeights) {
  const auto generator = [] { return at::detail::getDefaultCPUGenerator().get_state(); };
  EncoderOptions options;
  options.family = "efficientnet-lite0";
  const auto before = generator();
  {
    const WithoutFirstWeights guard;
    make_encoder(options);
    EXPECT_TRUE(torch::equal(generator(), before));
  }
  make_encoder(options);
  EXPECT_FALSE(torch::equal(generator(), before));
}

}  // namespace
}  // namespace attend
