#include "model/int8_product.h"

#include <gtest/gtest.h>

namespace attend {
namespace {

using torch::Tensor;

class Int8Product : public testing::Test {
 protected:
  void SetUp() override {
    if (!multiplies_int8()) GTEST_SKIP() << "this processor has no instructions for products of 8-bit integers";
  }
};

/// What pack_int8_matrix() makes of a matrix, as fp64.
Tensor rounded(const Tensor& matrix) {
  const auto scale = matrix.abs().amax({1}, true) / 127;  // [O, 1]
  return ((matrix / scale).round() * scale).to(torch::kDouble);
}

Tensor values_of(const Int8Rows& rows) {
  const auto values = rows.values.to(torch::kDouble);
  return rows.steps.defined() ? (values - 128) * rows.steps.to(torch::kDouble).unsqueeze(1) : values * kRelu6Step;
}

double largest(const Tensor& x) { return x.abs().max().item<double>(); }

// Rows and outputs that fill tiles and blocks, leave some over, and fewer than one; more rows than are taken at a time.
const std::vector<std::array<int64_t, 3>> kShapes{{1, 4, 1},    {5, 16, 7},    {6, 24, 64},
                                                  {13, 8, 24},  {30, 88, 40},  {25, 208, 88},
                                                  {12, 12, 16}, {7, 120, 208}, {301, 1248, 72}};

TEST_F(Int8Product, IsTheProductOfTheRoundedMatrices) {
  for (const auto& [M, I, O] : kShapes) {
    torch::manual_seed(M);
    const auto matrix = torch::randn({O, I}), bias = torch::randn({O}), residual = torch::randn({M, O});
    const auto packed = pack_int8_matrix(matrix);
    for (const bool centred : {false, true}) {
      const auto x =
          centred ? quantize_rows(torch::randn({M, I}), M) : Int8Rows{torch::randint(0, 256, {M, I}, torch::kByte), {}};
      const auto expected = values_of(x).matmul(rounded(matrix).t()) + bias;  // [M, O]
      auto out = torch::full({M, O}, -1.0f);
      multiply_int8(x, packed, bias, Activation::kNone, {}, out);
      EXPECT_LT(largest(out - expected), 1e-5 * (1 + largest(expected))) << M << ' ' << I << ' ' << O << ' ' << centred;
      multiply_int8(x, packed, bias, Activation::kRelu6, {}, out);
      EXPECT_LT(largest(out - expected.clamp(0, 6)), 1e-5 * (1 + largest(expected)));
      multiply_int8(x, packed, bias, Activation::kNone, residual, out);
      EXPECT_LT(largest(out - expected - residual), 1e-5 * (1 + largest(expected)));

      auto half = torch::empty({M, O}, torch::kBFloat16);
      const auto half_residual = residual.to(torch::kBFloat16);
      multiply_int8(x, packed, bias, Activation::kNone, half_residual, half);
      EXPECT_LT(largest(half - expected - half_residual), 4e-3 * (1 + largest(expected)));

      auto steps = torch::empty({M, O}, torch::kByte);
      multiply_int8(x, packed, bias, Activation::kRelu6, {}, steps);
      EXPECT_LT(largest(steps - expected.clamp(0, 6) / kRelu6Step), 0.501);
    }
  }
}

TEST_F(Int8Product, EveryPictureIsQuantizedByItsOwnLargestValue) {
  torch::manual_seed(2);
  for (const auto type : {torch::kFloat, torch::kBFloat16}) {
    auto x = torch::randn({3 * 5, 8});
    x.narrow(0, 5, 5) *= 100;
    x.narrow(0, 10, 5).zero_();
    x = x.to(type);
    const auto rows = quantize_rows(x, 5);
    const auto error = (values_of(rows) - x.to(torch::kDouble)).abs();  // [15, 8]
    for (int64_t picture = 0; picture < 3; ++picture) {
      const double step = largest(x.narrow(0, picture * 5, 5).to(torch::kDouble)) / 127;
      EXPECT_LE(largest(error.narrow(0, picture * 5, 5)), step * 0.501) << picture;
    }
  }
}

TEST_F(Int8Product, TakesTurnsWithProductsOfOtherStorage) {
  // Whoever multiplies in tiles gives them shapes of its own.
  if (!multiplies_bf16()) GTEST_SKIP() << "this processor has no instructions for products of bf16";
  torch::manual_seed(1);
  constexpr int64_t M = 70, I = 144, O = 96;
  const auto matrix = torch::randn({O, I});
  const auto packed = pack_int8_matrix(matrix), half_packed = pack_matrix(matrix, torch::kBFloat16);
  const auto x = torch::randn({M, I}), half = x.to(torch::kBFloat16);  // [M, I]
  const auto rows = quantize_rows(x, 1);
  const auto int8 = [&] {
    auto out = torch::empty({M, O});  // [M, O]
    multiply_int8(rows, packed, {}, Activation::kNone, {}, out);
    return out;
  };
  const auto bf16 = [&] {
    auto out = torch::empty({M, O});  // [M, O]
    multiply(half, half_packed, {}, Activation::kNone, {}, out);
    return out;
  };
  const auto expected = int8(), half_expected = bf16();
  EXPECT_LT(largest(expected - half_expected), 0.05 * largest(expected));
  for (int turn = 0; turn < 3; ++turn) {
    EXPECT_TRUE(torch::equal(int8(), expected));
    EXPECT_TRUE(torch::equal(bf16(), half_expected));
  }
}

TEST_F(Int8Product, ZeroRowsAndNoRowsAreNoTrouble) {
  const auto packed = pack_int8_matrix(torch::zeros({3, 4}));
  auto out = torch::empty({2, 3});
  multiply_int8(quantize_rows(torch::randn({2, 4}), 2), packed, torch::ones({3}), Activation::kNone, {}, out);
  EXPECT_TRUE(out.equal(torch::ones({2, 3})));
  auto none = torch::empty({0, 3});
  multiply_int8({torch::empty({0, 4}, torch::kByte), {}}, packed, torch::ones({3}), Activation::kNone, {}, none);
}

}  // namespace
}  // namespace attend
