// B pictures · R rows · L grid cells · n heads · A and D size of keys and values
#include "model/fused_attention.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <limits>

#include "model/finite_differences.h"

namespace attend {
namespace {

using torch::Tensor;

/// Equations 4, 5 and 13 word for word, by LibTorch's own operators.
FusedGlimpse plain(const Tensor& keys, const Tensor& queries, const Tensor& v, const Tensor& values,
                   const Tensor& pictures, const Tensor& bias = {}) {
  const auto meet = torch::tanh(keys.index_select(0, pictures) + queries.unsqueeze(1));     // [R, L, A]
  const auto score = torch::matmul(meet, v) + (bias.defined() ? bias : torch::zeros({1}));  // [R, L]
  const auto alpha = torch::softmax(score, -1);                                             // [R, L]
  return {alpha.unsqueeze(1), (alpha.unsqueeze(-1) * values.index_select(0, pictures)).sum(1)};
}

/// Vaswani et al. 2017, equation 1, head by head.
FusedGlimpse plain_dot(const Tensor& keys, const Tensor& queries, const Tensor& values, const Tensor& pictures,
                       int64_t heads, double scale, const Tensor& bias) {
  std::vector<Tensor> alphas, contexts;
  const int64_t A = keys.size(2) / heads, D = values.size(2) / heads;
  for (int64_t n = 0; n < heads; ++n) {
    const auto key = keys.narrow(2, n * A, A).index_select(0, pictures);                         // [R, L, A / n]
    const auto score = (key * queries.narrow(1, n * A, A).unsqueeze(1)).sum(-1) * scale + bias;  // [R, L]
    alphas.push_back(torch::softmax(score, -1));
    const auto value = values.narrow(2, n * D, D).index_select(0, pictures);  // [R, L, D / n]
    contexts.push_back((alphas.back().unsqueeze(-1) * value).sum(1));
  }
  return {torch::stack(alphas, 1), torch::cat(contexts, 1)};
}

struct Inputs {
  Tensor keys, queries, v, annotations, pictures;
  std::vector<Tensor> leaves() const { return {keys, queries, v, annotations}; }
};

Inputs random_inputs(int64_t B, int64_t R, int64_t L, int64_t A, int64_t D, torch::ScalarType type) {
  const auto options = torch::TensorOptions(type);
  Inputs in{torch::randn({B, L, A}, options), torch::randn({R, A}, options), torch::randn({A}, options),
            torch::randn({B, L, D}, options), torch::randint(B, {R}, torch::kInt64)};
  for (auto tensor : in.leaves()) tensor.set_requires_grad(true);
  return in;
}

class AdditiveShapes : public testing::TestWithParam<std::array<int64_t, 5>> {};

TEST_P(AdditiveShapes, EqualsThePlainFormulaForwardAndBackward) {
  torch::manual_seed(7);
  const auto [B, R, L, A, D] = GetParam();
  const auto in = random_inputs(B, R, L, A, D, torch::kFloat);
  const auto fused = additive_attention(in.keys, in.queries, in.v, in.annotations, in.pictures);
  const auto expected = plain(in.keys, in.queries, in.v, in.annotations, in.pictures);
  EXPECT_TRUE(torch::allclose(fused.alpha, expected.alpha, 1e-5, 1e-6));
  EXPECT_TRUE(torch::allclose(fused.context, expected.context, 1e-5, 1e-5));
  EXPECT_TRUE(torch::allclose(fused.alpha.sum(2), torch::ones({R, 1}), 1e-5, 1e-6));

  const auto weight_alpha = torch::randn({R, L}), weight_context = torch::randn({R, D});
  const auto loss = [&](const FusedGlimpse& g) {
    return (g.alpha.squeeze(1) * weight_alpha).sum() + (g.context * weight_context).sum();
  };
  const auto ours = torch::autograd::grad({loss(fused)}, in.leaves());
  const auto theirs = torch::autograd::grad({loss(expected)}, in.leaves());
  for (size_t i = 0; i < ours.size(); ++i)
    EXPECT_TRUE(torch::allclose(ours[i], theirs[i], 1e-4, 2e-5)) << "gradient of input " << i;
}
INSTANTIATE_TEST_SUITE_P(OddAndEven, AdditiveShapes,
                         testing::Values(std::array<int64_t, 5>{1, 1, 1, 1, 1}, std::array<int64_t, 5>{2, 5, 7, 13, 3},
                                         std::array<int64_t, 5>{3, 10, 49, 64, 40},
                                         std::array<int64_t, 5>{4, 3, 81, 33, 17},
                                         std::array<int64_t, 5>{1, 19, 6, 40, 70}));

/// Seconds of `look` forward and backward: the best of several, which other work on the machine disturbed least.
template <class Look>
double seconds_of(const Inputs& in, const Look& look) {
  double best = 1e9;
  for (int i = 0; i < 6; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    const auto g = look(in.keys, in.queries, in.v, in.annotations, in.pictures);
    torch::autograd::grad({g.context.sum()}, in.leaves());
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  }
  return best;
}

TEST(TimingAdditiveAttention, IsSeveralTimesAsFastAsThePlainFormula) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "sanitizers slow one side only";
#endif
  torch::manual_seed(5);
  const auto in = random_inputs(32, 160, 81, 512, 512, torch::kFloat);
  const double times = seconds_of(in, [](auto&... x) { return plain(x...); }) /
                       seconds_of(in, [](auto&... x) { return additive_attention(x...); });
  std::printf("the fused kernel is %.1f times as fast as LibTorch's own operators, forward and backward\n", times);
  EXPECT_GT(times, 1.5);  // loose: a guard against losing the kernel, not a measurement
}

TEST(AdditiveAttention, GradientsEqualFiniteDifferencesInDouble) {
  torch::manual_seed(3);
  const auto in = random_inputs(2, 3, 4, 5, 3, torch::kDouble);
  const auto bias = torch::randn({3, 4}, torch::kDouble).set_requires_grad(true);
  const auto weight_alpha = torch::randn({3, 1, 4}, torch::kDouble),
             weight_context = torch::randn({3, 3}, torch::kDouble);
  const auto loss = [&] {
    const auto g = additive_attention(in.keys, in.queries, in.v, in.annotations, in.pictures, bias);
    return (g.alpha * weight_alpha).sum() + (g.context * weight_context).sum();
  };
  auto leaves = in.leaves();
  leaves.push_back(bias);
  expect_finite_differences(loss, leaves, 1e-7);
}

TEST(DotAttention, EqualsThePlainFormulaForwardAndBackwardHeadByHead) {
  torch::manual_seed(8);
  struct Shape {
    int64_t B, R, L, A, D, heads;
  };
  for (const auto [B, R, L, A, D, heads] :
       {Shape{1, 1, 1, 1, 1, 1}, Shape{2, 7, 9, 12, 6, 3}, Shape{3, 10, 49, 64, 96, 2}, Shape{2, 4, 5, 34, 34, 1}}) {
    const auto in = random_inputs(B, R, L, A, D, torch::kFloat);
    const auto bias = torch::randn({R, L}).set_requires_grad(true);
    const std::vector<Tensor> leaves = {in.keys, in.queries, in.annotations, bias};
    const auto fused = dot_attention(in.keys, in.queries, in.annotations, in.pictures, heads, 0.3, bias);
    const auto expected = plain_dot(in.keys, in.queries, in.annotations, in.pictures, heads, 0.3, bias);
    EXPECT_TRUE(torch::allclose(fused.alpha, expected.alpha, 1e-4, 1e-5));
    EXPECT_TRUE(torch::allclose(fused.context, expected.context, 1e-4, 1e-5));
    const auto weight_alpha = torch::randn({R, heads, L}), weight_context = torch::randn({R, D});
    const auto loss = [&](const FusedGlimpse& g) {
      return (g.alpha * weight_alpha).sum() + (g.context * weight_context).sum();
    };
    const auto ours = torch::autograd::grad({loss(fused)}, leaves),
               theirs = torch::autograd::grad({loss(expected)}, leaves);
    for (size_t i = 0; i < ours.size(); ++i)
      EXPECT_TRUE(torch::allclose(ours[i], theirs[i], 1e-3, 1e-4)) << "gradient of input " << i;
  }
}

TEST(DotAttention, GradientsEqualFiniteDifferencesInDouble) {
  torch::manual_seed(4);
  const auto in = random_inputs(2, 3, 4, 6, 4, torch::kDouble);
  const auto bias = torch::randn({3, 4}, torch::kDouble).set_requires_grad(true);
  const auto weight_alpha = torch::randn({3, 2, 4}, torch::kDouble),
             weight_context = torch::randn({3, 4}, torch::kDouble);
  const auto loss = [&] {
    const auto g = dot_attention(in.keys, in.queries, in.annotations, in.pictures, 2, 0.5, bias);
    return (g.alpha * weight_alpha).sum() + (g.context * weight_context).sum();
  };
  expect_finite_differences(loss, {in.keys, in.queries, in.annotations, bias}, 1e-7);
}

TEST(FusedAttention, GivesNothingToCellsOutsideAWindow) {
  torch::manual_seed(9);
  const auto in = random_inputs(1, 2, 3, 4, 4, torch::kFloat);
  const auto bias = torch::tensor({{0.0f, 0.0f, -std::numeric_limits<float>::infinity()}}).expand({2, 3});  // [R, L]
  for (const auto& g : {additive_attention(in.keys, in.queries, in.v, in.annotations, in.pictures, bias),
                        dot_attention(in.keys, in.queries, in.annotations, in.pictures, 2, 1, bias)}) {
    EXPECT_EQ(g.alpha.select(2, 2).abs().max().item<float>(), 0);
    for (const auto& gradient : torch::autograd::grad({g.context.sum()}, {in.keys, in.queries, in.annotations}))
      EXPECT_TRUE(torch::isfinite(gradient).all().item<bool>());
  }
}

TEST(AdditiveAttention, ReadsKeysAndValuesInBf16) {
  torch::manual_seed(10);
  const torch::NoGradGuard no_grad;
  const auto in = random_inputs(3, 14, 10, 40, 70, torch::kFloat);
  const auto exp_keys = doubled_exp(in.keys).to(torch::kBFloat16), values = in.annotations.to(torch::kBFloat16);
  const auto narrow = additive_attention(in.keys, in.queries, in.v, values, in.pictures, {}, exp_keys);
  const auto wide = additive_attention(in.keys, in.queries, in.v, values.to(torch::kFloat), in.pictures, {},
                                       exp_keys.to(torch::kFloat));
  EXPECT_TRUE(torch::equal(narrow.alpha, wide.alpha));
  EXPECT_TRUE(torch::equal(narrow.context, wide.context));
  const auto exact = plain(in.keys, in.queries, in.v, in.annotations, in.pictures);
  EXPECT_TRUE(torch::allclose(narrow.alpha, exact.alpha, 0.03, 1e-3));
  EXPECT_TRUE(torch::allclose(narrow.context, exact.context, 0, 0.03));
}

TEST(AdditiveAttention, StaysFiniteForLargeScores) {
  const auto keys = torch::full({1, 6, 8}, 1e4f), queries = torch::full({2, 8}, -3e4f), v = torch::full({8}, 1e3f);
  const auto g = additive_attention(keys, queries, v, torch::randn({1, 6, 4}), torch::zeros({2}, torch::kInt64));
  EXPECT_TRUE(torch::isfinite(g.alpha).all().item<bool>());
  EXPECT_TRUE(torch::allclose(g.alpha, torch::full({2, 1, 6}, 1.0f / 6)));
}

TEST(AdditiveAttention, TakesNoRows) {
  const auto g = additive_attention(torch::randn({1, 6, 8}), torch::randn({0, 8}), torch::randn({8}),
                                    torch::randn({1, 6, 4}), torch::zeros({0}, torch::kInt64));
  EXPECT_EQ(g.alpha.sizes(), (std::vector<int64_t>{0, 1, 6}));
}

}  // namespace
}  // namespace attend
