#include "model/depthwise.h"

#include <gtest/gtest.h>

#include "model/int8_product.h"
#include "model/inverted_residual.h"
#include "model/pointwise.h"

namespace attend {
namespace {

using torch::Tensor;

struct Case {
  int64_t pictures, height, width, channels, kernel, stride;
};

// One picture, odd and even sides, sides below the kernel, bands, and channels that don't fill lanes or tasks.
const Case kCases[] = {{1, 1, 1, 1, 3, 1},   {1, 2, 3, 16, 5, 1},   {2, 7, 7, 40, 3, 1},
                       {3, 8, 5, 33, 5, 2},  {9, 17, 17, 88, 5, 1}, {2, 13, 14, 24, 3, 2},
                       {1, 9, 9, 528, 5, 2}, {1, 70, 65, 20, 3, 1}, {1, 70, 65, 20, 5, 2}};

DepthwiseGeometry geometry_of(const Case& c) {
  const auto [top, height] = same_padding(c.height, c.kernel, c.stride);
  const auto [left, width] = same_padding(c.width, c.kernel, c.stride);
  return {c.kernel, c.stride, top, left, height, width};
}

/// The same by LibTorch: x [N, H, W, C], weight [k, k, C].
Tensor reference(const Case& c, const Tensor& x, const Tensor& weight, const Tensor& bias) {
  const auto g = geometry_of(c);
  const int64_t bottom = std::max<int64_t>((g.height - 1) * c.stride + c.kernel - c.height - g.top, 0);
  const int64_t right = std::max<int64_t>((g.width - 1) * c.stride + c.kernel - c.width - g.left, 0);
  const auto padded = torch::constant_pad_nd(x.permute({0, 3, 1, 2}), {g.left, right, g.top, bottom});
  const std::vector<int64_t> strides(2, c.stride), none(2, 0), ones(2, 1);
  return torch::conv2d(padded, weight.permute({2, 0, 1}).unsqueeze(1), bias, strides, none, ones, c.channels)
      .clamp(0, 6)
      .permute({0, 2, 3, 1});
}

double relative_difference(const Tensor& a, const Tensor& b) {
  return (a.to(torch::kDouble) - b.to(torch::kDouble)).abs().max().item<double>() /
         (b.abs().max().item<double>() + 1e-9);
}

struct Problem {
  Tensor x, weight, bias, gy;
};

Problem problem_of(const Case& c, torch::ScalarType type) {
  torch::manual_seed(c.channels);
  const auto g = geometry_of(c);
  return {(torch::randn({c.pictures, c.height, c.width, c.channels}) * 3).clamp(0, 6).to(type),
          (torch::randn({c.kernel, c.kernel, c.channels}) * 0.5).to(type).to(torch::kFloat), torch::randn({c.channels}),
          torch::randn({c.pictures, g.height, g.width, c.channels}).to(type)};
}

TEST(Depthwise, ForwardIsLibTorchsConvolution) {
  for (const auto& c : kCases) {
    for (const auto type : {torch::kFloat, torch::kBFloat16}) {
      const auto p = problem_of(c, type);
      auto y = torch::empty_like(p.gy);
      depthwise_relu6(geometry_of(c), p.x, p.weight, p.bias, y);
      const auto expected = reference(c, p.x.to(torch::kFloat), p.weight, p.bias);
      EXPECT_LT(relative_difference(y, expected), type == torch::kFloat ? 1e-6 : 5e-3) << c.channels;
    }
  }
}

TEST(Depthwise, InStepsItIsLibTorchsConvolutionToTheNearestStep) {
  if (!multiplies_int8()) GTEST_SKIP() << "this processor has no instructions for products of 8-bit integers";
  for (const auto& c : kCases) {
    const auto p = problem_of(c, torch::kFloat);
    const auto x = (p.x / kRelu6Step).round().to(torch::kByte);
    auto y = torch::empty(p.gy.sizes(), torch::kByte);
    depthwise_relu6(geometry_of(c), x, p.weight, p.bias, y);
    const auto expected = reference(c, x.to(torch::kFloat) * kRelu6Step, p.weight, p.bias) / kRelu6Step;
    EXPECT_LT((y - expected).abs().max().item<float>(), 0.52) << c.channels;  // weights are rounded, too
  }
}

TEST(Depthwise, BackwardIsLibTorchsAutograd) {
  for (const auto& c : kCases) {
    const auto p = problem_of(c, torch::kFloat);
    auto y = torch::empty_like(p.gy);
    depthwise_relu6(geometry_of(c), p.x, p.weight, p.bias, y);
    DepthwiseGradients got{torch::zeros_like(p.weight), torch::zeros_like(p.bias), torch::empty_like(p.x),
                           torch::zeros_like(p.bias)};
    depthwise_relu6_backward(geometry_of(c), p.x, y, p.gy, p.weight, got);

    // x stands for the ReLU6 of something: let the graph begin there.
    const auto before = torch::where((p.x > 0) * (p.x < 6), p.x, p.x * 2 - 3).requires_grad_();
    const auto weight = p.weight.clone().requires_grad_(), bias = p.bias.clone().requires_grad_();
    reference(c, before.clamp(0, 6), weight, bias).backward(p.gy);
    EXPECT_LT(relative_difference(got.input, before.grad()), 1e-5) << c.channels;
    EXPECT_LT(relative_difference(got.weight, weight.grad()), 1e-5) << c.channels;
    EXPECT_LT(relative_difference(got.bias, bias.grad()), 1e-5) << c.channels;
    EXPECT_LT(relative_difference(got.input_bias, before.grad().sum({0, 1, 2})), 1e-5) << c.channels;
  }
}

TEST(Depthwise, GradientsInBf16AreThoseOfTheRoundedInputs) {
  for (const auto& c : kCases) {
    const auto p = problem_of(c, torch::kBFloat16);
    const auto run = [&](torch::ScalarType type, const Tensor& y) {
      DepthwiseGradients got{torch::zeros_like(p.weight), torch::zeros_like(p.bias),
                             torch::empty_like(p.x, torch::dtype(type)), torch::zeros_like(p.bias)};
      depthwise_relu6_backward(geometry_of(c), p.x.to(type), y.to(type), p.gy.to(type), p.weight, got);
      return got;
    };
    auto y = torch::empty_like(p.gy);
    depthwise_relu6(geometry_of(c), p.x, p.weight, p.bias, y);
    const auto got = run(torch::kBFloat16, y), expected = run(torch::kFloat, y);
    EXPECT_LT(relative_difference(got.input, expected.input), 5e-3);
    EXPECT_LT(relative_difference(got.weight, expected.weight), 1e-6);
    EXPECT_LT(relative_difference(got.bias, expected.bias), 1e-6);
  }
}

TEST(Depthwise, GradientsDontDependOnTheNumberOfThreads) {
  const Case c{5, 9, 9, 72, 3, 1};
  const auto p = problem_of(c, torch::kFloat);
  auto y = torch::empty_like(p.gy);
  const auto run = [&](int threads) {
    at::set_num_threads(threads);
    depthwise_relu6(geometry_of(c), p.x, p.weight, p.bias, y);
    DepthwiseGradients got{torch::zeros_like(p.weight), torch::zeros_like(p.bias), torch::empty_like(p.x), {}};
    depthwise_relu6_backward(geometry_of(c), p.x, y, p.gy, p.weight, got);
    return got;
  };
  const int threads = at::get_num_threads();
  const auto one = run(1), three = run(3);
  at::set_num_threads(threads);
  EXPECT_TRUE(one.weight.equal(three.weight));
  EXPECT_TRUE(one.bias.equal(three.bias));
  EXPECT_TRUE(one.input.equal(three.input));
}

// One picture's widened channels are more than a core's cache holds here, so bands of rows are computed; where gradients
// are wanted the whole picture is.
TEST(InvertedResidual, BandsOfRowsMakeTheWholePicture) {
  torch::manual_seed(5);
  const int64_t inputs = 16, widened = 96;
  for (const int64_t kernel : {3, 5}) {
    for (const int64_t stride : {1, 2}) {
      for (const auto type : {torch::kFloat, torch::kBFloat16}) {
        if (type == torch::kBFloat16 && !multiplies_bf16()) continue;
        const auto make = [&](int64_t O, int64_t I, int64_t k, int64_t S, int64_t groups) {
          return Convolution{"", "", "", 0, 0, S, groups, torch::randn({O, I, k, k}) * 0.3, torch::randn({O}), {}, {}};
        };
        const auto expand = make(widened, inputs, 1, 1, 1), depthwise = make(widened, 1, kernel, stride, widened);
        auto project = make(inputs, widened, 1, 1, 1);
        const InvertedResidual block{&expand, &depthwise, &project, stride == 1};
        const auto x = torch::randn({2, 131, 70, inputs}).to(type);
        torch::NoGradGuard no_grad;
        const auto bands = block.forward(x, type);
        const auto in_int8 = multiplies_int8() ? block.forward(x, type, true) : Tensor();
        project.weight.requires_grad_();
        const torch::AutoGradMode grad(true);
        const auto whole = block.forward(x, type).detach();
        EXPECT_LT(relative_difference(bands, whole), type == torch::kFloat ? 1e-6 : 5e-3) << kernel << ' ' << stride;
        if (!in_int8.defined()) continue;
        EXPECT_LT(relative_difference(in_int8, whole), 0.02) << kernel << ' ' << stride;
      }
    }
  }
}

TEST(Pointwise, GradientsPassBiasAndActivationWhateverTheChannels) {
  torch::manual_seed(1);
  for (const int64_t channels : {1, 5, 16, 24, 88, 120}) {
    for (const int64_t rows : {1, 3, 50}) {
      const auto y = (torch::randn({rows, channels}) * 4).clamp(0, 6), gy = torch::randn({rows, channels});
      auto out = torch::empty_like(y), sum = torch::ones({channels});
      bias_backward(gy, y, out, sum);
      const auto expected = torch::where((y > 0) * (y < 6), gy, torch::zeros_like(gy));
      EXPECT_TRUE(out.equal(expected)) << channels;
      EXPECT_LT(relative_difference(sum, expected.sum(0) + 1), 1e-5) << channels;
    }
  }
}

TEST(Pointwise, PatchesAreTheScaledPictureUnderTheKernel) {
  torch::manual_seed(3);
  const auto pictures = torch::randint(0, 256, {2, 9, 8, 3}, torch::kByte);
  const auto [top, height] = same_padding(9, 3, 2);
  const auto [left, width] = same_padding(8, 3, 2);
  const auto patches = extract_patches(pictures, 2, top, left, height, width, torch::kFloat);
  ASSERT_EQ(patches.sizes(), (std::vector<int64_t>{2, 5, 4, 32}));
  const auto weight = torch::randn({4, 3, 3, 3});
  const auto scaled = pictures.to(torch::kFloat).permute({0, 3, 1, 2}) / 127.5 - 1;
  const auto expected = torch::conv2d(torch::constant_pad_nd(scaled, {0, 1, 1, 1}), weight, {}, 2);
  const auto matrix = torch::constant_pad_nd(weight.permute({0, 2, 3, 1}).reshape({4, 27}), {0, 5});
  const auto got = patches.matmul(matrix.t()).permute({0, 3, 1, 2});
  EXPECT_LT(relative_difference(got, expected), 1e-6);

  const auto bytes = extract_patches(pictures, 2, top, left, height, width, torch::kByte);  // [2, 5, 4, 32]
  EXPECT_LT(((bytes.to(torch::kFloat) / 127.5 - 1) - patches).narrow(3, 0, 27).abs().max().item<float>(), 0.51 / 127.5);
  EXPECT_EQ(bytes.narrow(3, 27, 5).max().item<int64_t>(), 0);
}

}  // namespace
}  // namespace attend
