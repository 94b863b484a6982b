// Products by oneDNN against LibTorch's operators.
#include "model/product.h"

#include <gtest/gtest.h>

#include <thread>

#include "model/int8_product.h"
#include "model/layers.h"

namespace attend {
namespace {

using torch::Tensor;

constexpr auto kFloat = torch::kFloat;
constexpr auto kHalf = torch::kBFloat16;

/// The same in double precision, of what is left of x and the matrix in `type`.
Tensor plain(const Tensor& x, const Tensor& matrix, const Tensor& bias, Activation activation, const Tensor& residual,
             torch::ScalarType type) {
  auto y = x.to(type).to(torch::kDouble).matmul(matrix.to(type).to(torch::kDouble).t());
  if (bias.defined()) y = y + bias;
  if (activation == Activation::kRelu6) y = y.clamp(0, 6);
  if (residual.defined()) y = y + residual;
  return y;
}

TEST(Product, IsThePlainOneWhateverShapesAndStorage) {
  torch::manual_seed(1);
  for (const auto type : {kFloat, kHalf}) {
    if (type == kHalf && !multiplies_bf16()) continue;
    for (const auto out_type : {kFloat, type})
      for (const auto& [M, I, O] :
           {std::array<int64_t, 3>{1, 1, 1}, {1, 512, 7}, {3, 24, 144}, {17, 33, 65}, {80, 1024, 96}})
        for (const bool biased : {false, true})
          for (const auto activation : {Activation::kNone, Activation::kRelu6})
            for (const bool adds : {false, true}) {
              const auto x = torch::randn({M, I}).to(type), matrix = torch::randn({O, I}) / std::sqrt(I);
              const auto bias = biased ? torch::randn({O}) : Tensor();
              const auto residual = adds ? torch::randn({M, O}).to(out_type) : Tensor();
              auto out = torch::full({M, O}, NAN, out_type);
              multiply(x, pack_matrix(matrix, type), bias, activation, residual, out);
              const auto expected = plain(x, matrix, bias, activation, residual, type);
              const double error = ((out - expected).abs() / (1 + expected.abs())).max().item<double>();
              EXPECT_LT(error, out_type == kFloat ? 1e-5 : 4e-3)
                  << type << " " << M << " " << I << " " << O << " " << biased << adds;
            }
  }
}

TEST(Product, OfNoRowsIsNothing) {
  auto out = torch::empty({0, 3});
  multiply(torch::empty({0, 2}), pack_matrix(torch::ones({3, 2}), kFloat), {}, Activation::kNone, {}, out);
  EXPECT_EQ(out.size(0), 0);
}

TEST(Product, WeightsAreMadeAnewOnlyWhenTheyMustBe) {
  PreparedWeight prepared;
  int made = 0;
  auto weight = torch::ones({2, 2});
  const auto get = [&](torch::ScalarType type) {
    return prepared.get(weight, type, [&](const Tensor& w, torch::ScalarType t) {
      ++made;
      return w.to(t) * 2;
    });
  };
  EXPECT_EQ(get(kFloat).sum().item<float>(), 8);
  get(kFloat);
  EXPECT_EQ(made, 1);
  weight.mul_(3);
  EXPECT_EQ(get(kFloat).sum().item<float>(), 24);
  EXPECT_EQ(get(kHalf).scalar_type(), kHalf);
  weight = torch::zeros({2, 2});
  EXPECT_EQ(get(kHalf).sum().item<float>(), 0);
  prepared.forget();
  get(kHalf);
  EXPECT_EQ(made, 5);
}

TEST(Product, AWeightIsMadeOnceForManyThreads) {
  PreparedWeight prepared;
  std::atomic<int> made = 0;
  const auto weight = torch::ones({2, 2});
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      for (int j = 0; j < 100; ++j)
        prepared.get(weight, kFloat, [&](const Tensor& w, torch::ScalarType) {
          ++made;
          return w + 1;
        });
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(made, 1);
}

TEST(Product, MatricesPackedOnManyThreadsAreReadOnOne) {
  torch::manual_seed(3);
  const int threads = at::get_num_threads();
  for (const auto type : {kFloat, kHalf}) {
    if (type == kHalf && !multiplies_bf16()) continue;
    const auto x = torch::randn({40, 96}).to(type), matrix = torch::randn({1100, 96}) / 10;
    at::set_num_threads(4);
    const auto packed = pack_matrix(matrix, type);
    Tensor on_four = torch::empty({40, 1100}), on_one = torch::empty({40, 1100});
    multiply(x, packed, {}, Activation::kNone, {}, on_four);
    std::thread([&] {
      at::set_num_threads(1);
      multiply(x, packed, {}, Activation::kNone, {}, on_one);
    }).join();
    const auto expected = plain(x, matrix, {}, Activation::kNone, {}, type);
    EXPECT_TRUE(on_four.to(torch::kDouble).allclose(expected, 1e-4, 1e-5)) << type;
    EXPECT_TRUE(on_one.to(torch::kDouble).allclose(expected, 1e-4, 1e-5)) << type;
  }
  at::set_num_threads(threads);
}

TEST(FixedLinear, IsTheLearntOneAndKnowsNothingOfOtherRows) {
  torch::manual_seed(2);
  for (const bool biased : {true, false}) {
    auto layer = linear(40, 70, biased);
    const auto x = torch::randn({5, 7, 40});
    const auto learnt = layer->forward(x).detach();
    layer->eval();
    const torch::NoGradGuard no_grad;
    const auto fixed = layer->forward(x);
    EXPECT_EQ(fixed.sizes(), learnt.sizes());
    EXPECT_TRUE(fixed.allclose(learnt, 1e-5, 1e-6));
    EXPECT_TRUE(layer->forward(x[3]).equal(fixed[3]));
    // Storage that this processor has no instructions for is nobody's: set_precision() takes the one before.
    const std::tuple<torch::ScalarType, bool, double> storages[] = {
        {kFloat, true, 1e-6}, {kHalf, multiplies_bf16(), 0.02}, {torch::kChar, multiplies_int8(), 0.05}};
    for (const auto& [type, exists, error] : storages) {
      if (!exists) continue;
      layer->type = type;
      EXPECT_TRUE(layer->forward(x).allclose(learnt, type == kFloat ? 1e-5 : 0.02, error)) << type;
      EXPECT_EQ(layer->forward(torch::zeros({0, 40})).sizes(), (std::vector<int64_t>{0, 70})) << type;
    }
  }
}

TEST(FixedLinear, FollowsTraining) {
  auto layer = linear(4, 3);
  const auto x = torch::ones({1, 4});
  const torch::NoGradGuard no_grad;
  layer->eval();
  layer->forward(x);
  layer->train();
  layer->weight.data().fill_(2);  // behind the version's back, as optimizers do
  layer->bias.data().fill_(1);
  layer->eval();
  EXPECT_TRUE(layer->forward(x).allclose(torch::full({1, 3}, 9.0f)));
}

}  // namespace
}  // namespace attend
