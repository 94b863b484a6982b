#include <algorithm>

#include "every_set.h"

namespace attend::kernels {
namespace {

struct Case {
  int64_t pictures, height, width, channels, kernel, stride;
};

// One picture, odd and even sides, sides below the kernel, bands, and channels that don't fill registers.
const Case kCases[] = {{1, 1, 1, 1, 3, 1},    {1, 2, 3, 16, 5, 1},   {2, 7, 7, 40, 3, 1},  {3, 8, 5, 33, 5, 2},
                       {2, 17, 17, 88, 5, 1}, {2, 13, 14, 24, 3, 2}, {1, 40, 45, 20, 3, 1}};

/// The odd zero stands at the end.
DepthwiseGeometry geometry_of(const Case& c) {
  const auto same = [&](int64_t side) { return (side + c.stride - 1) / c.stride; };
  const auto before = [&](int64_t side) {
    return std::max<int64_t>((same(side) - 1) * c.stride + c.kernel - side, 0) / 2;
  };
  return {c.kernel, c.stride, before(c.height), before(c.width), same(c.height), same(c.width)};
}

/// Calls body(y index, x index, weight index) for every product of the convolution.
template <class Body>
void for_products(const Case& c, Body&& body) {
  const auto g = geometry_of(c);
  for (int64_t n = 0; n < c.pictures; ++n)
    for (int64_t r = 0; r < g.height; ++r)
      for (int64_t s = 0; s < g.width; ++s)
        for (int64_t ky = 0; ky < c.kernel; ++ky)
          for (int64_t kx = 0; kx < c.kernel; ++kx) {
            const int64_t row = r * c.stride + ky - g.top, column = s * c.stride + kx - g.left;
            if (row < 0 || row >= c.height || column < 0 || column >= c.width) continue;
            for (int64_t channel = 0; channel < c.channels; ++channel)
              body(((n * g.height + r) * g.width + s) * c.channels + channel,
                   ((n * c.height + row) * c.width + column) * c.channels + channel,
                   (ky * c.kernel + kx) * c.channels + channel);
          }
}

size_t inputs(const Case& c) { return static_cast<size_t>(c.pictures * c.height * c.width * c.channels); }
size_t outputs(const Case& c) {
  const auto g = geometry_of(c);
  return static_cast<size_t>(c.pictures * g.height * g.width * c.channels);
}

template <class T>
std::vector<T> run(const Kernels& set, const Case& c, const std::vector<T>& x, const std::vector<float>& weight,
                   const std::vector<float>& bias) {
  std::vector<T> y(outputs(c));
  const Depthwise work{geometry_of(c),  c.pictures, c.height,      c.width,     c.channels,
                       storage_of<T>(), x.data(),   weight.data(), bias.data(), y.data()};
  const Scratch prepared(set.depthwise_prepared_bytes(work));
  set.depthwise_prepare(work, prepared.data());
  const int64_t units = set.depthwise_units(work), half = units / 2;
  set.depthwise_relu6(work, prepared.data(), half, units);  // in any order
  set.depthwise_relu6(work, prepared.data(), 0, half);
  return y;
}

template <class T>
void expect_convolution(const Kernels& set, double unit, double tolerance) {
  for (const auto& c : kCases) {
    std::mt19937 random(static_cast<unsigned>(c.channels));
    const auto x = random_values<T>(inputs(c), random);
    const auto plain_weight =
        random_values<BFloat16>(static_cast<size_t>(c.kernel * c.kernel * c.channels), random, 0.5);
    std::vector<float> weight(plain_weight.size());
    for (size_t i = 0; i < weight.size(); ++i) weight[i] = value_of(plain_weight[i]);
    const auto bias = random_values<float>(static_cast<size_t>(c.channels), random);
    std::vector<double> sum(outputs(c));
    for (size_t i = 0; i < sum.size(); ++i) sum[i] = bias[i % bias.size()];
    for_products(c, [&](int64_t to, int64_t from, int64_t by) {
      sum[to] += static_cast<double>(weight[by]) * value_of(x[from]) * unit;
    });
    const auto y = run(set, c, x, weight, bias);
    for (size_t i = 0; i < y.size(); ++i)
      ASSERT_NEAR(value_of(y[i]) * unit, std::clamp(sum[i], 0.0, 6.0), tolerance)
          << c.channels << ' ' << c.kernel << ' ' << i;
  }
}

class DepthwiseKernels : public EverySet {};
ATTEND_FOR_EVERY_SET(DepthwiseKernels);

TEST_P(DepthwiseKernels, InFp32AreTheConvolution) { expect_convolution<float>(set(), 1, 1e-5); }
TEST_P(DepthwiseKernels, InBf16AreTheConvolution) { expect_convolution<BFloat16>(set(), 1, 0.02); }
TEST_P(DepthwiseKernels, InStepsAreTheConvolutionToTheNearestStep) {
  expect_convolution<uint8_t>(set(), kRelu6Step, 0.52 * kRelu6Step);
}

TEST_P(DepthwiseKernels, InStepsAreEqualInEverySet) {
  for (const auto& c : kCases) {
    std::mt19937 random(static_cast<unsigned>(c.channels));
    const auto x = random_values<uint8_t>(inputs(c), random);
    const auto weight = random_values<float>(static_cast<size_t>(c.kernel * c.kernel * c.channels), random, 0.3f);
    const auto bias = random_values<float>(static_cast<size_t>(c.channels), random);
    EXPECT_EQ(run(set(), c, x, weight, bias), run(plain(), c, x, weight, bias)) << c.channels;
  }
}

TEST_P(DepthwiseKernels, GoBackAsTheConvolutionDoes) {
  for (const auto& c : kCases) {
    std::mt19937 random(static_cast<unsigned>(c.channels));
    auto x = random_values<float>(inputs(c), random, 3), gy = random_values<float>(outputs(c), random);
    for (auto& value : x) value = std::clamp(value, 0.0f, 6.0f);
    const auto taps = static_cast<size_t>(c.kernel * c.kernel), channels = static_cast<size_t>(c.channels);
    const auto weight = random_values<float>(taps * channels, random, 0.5),
               bias = random_values<float>(channels, random);
    const auto y = run(set(), c, x, weight, bias);
    std::vector<float> input(x.size());
    const int64_t parts = std::min<int64_t>(c.pictures, 2);
    std::vector<float> sums(static_cast<size_t>(parts) * (taps + 2) * channels);
    const DepthwiseBackward work{geometry_of(c),  c.pictures, c.height, c.width,    c.channels,
                                 Storage::kFloat, x.data(),   y.data(), gy.data(),  weight.data(),
                                 input.data(),    true,       parts,    sums.data()};
    const Scratch scratch(set().depthwise_backward_scratch_bytes(work));
    set().depthwise_relu6_backward(work, scratch.data(), 0, set().depthwise_backward_units(work));

    const auto passes = [](float value) { return value > 0 && value < 6; };
    std::vector<double> expected_input(x.size()), expected((taps + 2) * channels), got((taps + 2) * channels);
    for (size_t i = 0; i < y.size(); ++i)
      if (passes(y[i])) expected[taps * channels + i % channels] += gy[i];
    for_products(c, [&](int64_t to, int64_t from, int64_t by) {
      if (!passes(y[to])) return;
      expected[by] += static_cast<double>(gy[to]) * x[from];
      if (passes(x[from])) expected_input[from] += static_cast<double>(gy[to]) * weight[by];
    });
    for (size_t i = 0; i < x.size(); ++i) {
      expected[(taps + 1) * channels + i % channels] += expected_input[i];
      ASSERT_NEAR(input[i], expected_input[i], 1e-4) << c.channels << ' ' << i;
    }
    for (size_t i = 0; i < sums.size(); ++i) got[i % got.size()] += sums[i];
    for (size_t i = 0; i < got.size(); ++i) ASSERT_NEAR(got[i], expected[i], 2e-3) << c.channels << ' ' << i;
  }
}

}  // namespace
}  // namespace attend::kernels
