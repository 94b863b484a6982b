#include "model/encoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "base/files.h"
#include "model/captioner.h"
#include "model/pictures.h"

namespace attend {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;
using torch::Tensor;

// Weights and pictures by formula, as tools/golden/encoders.py makes them.

float noise(uint32_t seed, uint32_t index) {
  uint32_t h = index * 0x9E3779B9u + seed;
  h ^= h >> 16;
  h *= 0x85EBCA6Bu;
  h ^= h >> 13;
  h *= 0xC2B2AE35u;
  h ^= h >> 16;
  return static_cast<float>(h >> 8) / static_cast<float>(1 << 24);
}

Tensor weight(const std::string& name, const std::vector<int64_t>& shape) {
  uint32_t seed = 0x811C9DC5u;
  for (const unsigned char byte : name) seed = (seed ^ byte) * 0x01000193u;
  auto tensor = torch::empty(shape);
  float scale = 0.4f, shift = -0.2f;
  if (shape.size() == 4) {
    const float bound = std::sqrt(6.0f / static_cast<float>(shape[1] * shape[2] * shape[3]));
    scale = 2 * bound;
    shift = -bound;
  } else if (name.ends_with("running_var")) {
    scale = 1;
    shift = 0.5f;
  } else if (name.ends_with(".weight")) {
    scale = 0.5f;
    shift = 0.5f;
  }
  auto* values = tensor.data_ptr<float>();
  const int64_t count = tensor.numel();
  for (int64_t i = 0; i < count; ++i) values[i] = noise(seed, static_cast<uint32_t>(i)) * scale + shift;
  return tensor;
}

TensorMap published_weights(const Encoder& encoder) {
  TensorMap weights;
  for (const auto& [name, shape] : encoder.published_tensors()) weights[name] = weight(name, shape);
  return weights;
}

Tensor picture(int64_t size) {
  auto pixels = torch::empty({1, size, size, 3}, torch::kByte);
  auto* to = pixels.data_ptr<uint8_t>();
  for (int64_t y = 0; y < size; ++y) {
    for (int64_t x = 0; x < size; ++x) {
      for (int64_t c = 0; c < 3; ++c) {
        *to++ = static_cast<uint8_t>((x * 3 + y * 2 + c * 40 + (x * y) / 7 + (x * 31 + y * 17 + c * 7) % 23) % 256);
      }
    }
  }
  return pixels;
}

std::unique_ptr<Encoder> encoder_of(const std::string& family, const std::string& precision = "fp32", int stages = 0) {
  EncoderOptions options;
  options.family = family;
  options.precision = precision;
  options.stages = stages;
  torch::manual_seed(7);
  return make_encoder(options);
}

double relative_difference(const Tensor& a, const Tensor& b) {
  return (a.to(torch::kDouble) - b.to(torch::kDouble)).norm().item<double>() / (b.norm().item<double>() + 1e-12);
}

class Golden : public testing::TestWithParam<std::string> {};

TEST_P(Golden, AnnotationsAreThoseOfThePublishedImplementation) {
  const auto golden = read_json_file(ATTEND_SOURCE_DIR "/tests/model/data/encoders.json").at(GetParam());
  const auto encoder = encoder_of(GetParam());
  encoder->import_weights(published_weights(*encoder), "formula");
  const torch::NoGradGuard no_grad;
  for (const auto& expected : golden) {
    const int64_t size = expected.at("size");
    const auto y = encoder->forward(picture(size))[0];
    ASSERT_EQ(y.sizes().vec(), expected.at("shape").get<std::vector<int64_t>>());
    EXPECT_EQ(encoder->grid(size), (std::array<int64_t, 2>{y.size(0), y.size(1)}));
    EXPECT_EQ(encoder->annotation_size(), y.size(2));
    EXPECT_TRUE(y.is_contiguous());
    const double tolerance = 1e-4 * expected.at("largest").get<double>();
    const auto flat = y.flatten().to(torch::kDouble);
    EXPECT_NEAR(flat.mean().item<double>(), expected.at("mean").get<double>(), tolerance);
    EXPECT_NEAR(flat.pow(2).mean().sqrt().item<double>(), expected.at("rms").get<double>(), tolerance);
    for (const auto& sample : expected.at("samples")) {
      EXPECT_NEAR(flat[sample[0].get<int64_t>()].item<double>(), sample[1].get<double>(), tolerance);
    }
  }
}

/// GoogleTest allows no dash in a name.
std::string test_name(const testing::TestParamInfo<std::string>& family) {
  auto name = family.param;
  std::erase(name, '-');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Encoders, Golden, testing::ValuesIn(encoder_families()), test_name);

// EfficientNet-Lite0 by LibTorch's own operators, on attend's parameters.
Tensor same_convolution(const Tensor& x, const TensorMap& state, const std::string& name, int64_t stride,
                        int64_t groups) {
  const auto& kernel = state.at(name + ".weight");
  const int64_t side = x.size(2), out = (side + stride - 1) / stride;
  const int64_t zeros = std::max<int64_t>((out - 1) * stride + kernel.size(2) - side, 0), before = zeros / 2;
  const std::vector<int64_t> strides(2, stride), none(2, 0), ones(2, 1);
  return torch::conv2d(torch::constant_pad_nd(x, {before, zeros - before, before, zeros - before}), kernel,
                       state.at(name + ".bias"), strides, none, ones, groups);
}

/// `margin`: how near any value comes to an edge of its ReLU6, where rounding decides what the gradient is.
Tensor lite0(const Tensor& pictures, const TensorMap& state, int blocks = 16, double* margin = nullptr) {
  const auto relu6 = [&](const Tensor& values) {
    if (margin) {
      const auto edge = torch::minimum(values.detach().abs(), (values.detach() - 6).abs());
      *margin = std::min(*margin, edge.min().item<double>());
    }
    return values.clamp(0, 6);
  };
  auto x = pictures.to(torch::kFloat).permute({0, 3, 1, 2}) / 127.5 - 1;
  x = relu6(same_convolution(x, state, "stem", 2, 1));
  for (int i = 0; i < blocks; ++i) {
    const auto name = "blocks." + std::to_string(i) + ".";
    auto y = x;
    if (i > 0) y = relu6(same_convolution(y, state, name + "expand", 1, 1));
    const bool halves = i == 1 || i == 3 || i == 5 || i == 11;
    y = relu6(same_convolution(y, state, name + "depthwise", halves ? 2 : 1, y.size(1)));
    y = same_convolution(y, state, name + "project", 1, 1);
    x = y.sizes() == x.sizes() ? x + y : y;
  }
  if (blocks < 16) return x.permute({0, 2, 3, 1});
  return relu6(same_convolution(x, state, "head", 1, 1)).permute({0, 2, 3, 1});
}

TEST(Encoder, GradientsOfTheFusedBlocksAreLibTorchsOwn) {
  const auto encoder = encoder_of("efficientnet-lite0");
  encoder->import_weights(published_weights(*encoder), "formula");
  encoder->set_trainable(encoder->stages());
  TensorMap copies;
  for (const auto& [name, tensor] : encoder->state()) copies[name] = tensor.detach().clone().requires_grad_();
  // A picture that keeps away from the edges.
  torch::manual_seed(5);
  Tensor pictures, expected;
  for (double margin = 0; margin < 5e-6;) {
    pictures = picture(33).div(2, "floor") + torch::randint(128, {1, 33, 33, 3}, torch::kByte);  // [1, S, S, 3]
    margin = 1;
    expected = lite0(pictures, copies, 16, &margin);
  }
  const auto y = encoder->forward(pictures);
  torch::manual_seed(3);
  const auto gy = torch::randn_like(y);
  y.backward(gy);
  EXPECT_LT(relative_difference(y.detach(), expected.detach()), 1e-5);
  expected.backward(gy);
  for (const auto& [name, tensor] : encoder->state()) {
    ASSERT_TRUE(tensor.grad().defined()) << name;
    EXPECT_LT(relative_difference(tensor.grad(), copies.at(name).grad()), 1e-4) << name;
  }
}

TEST(Encoder, GradientsByThePixelsAreLibTorchsOwnAndFrozenWeightsGetNone) {
  const auto encoder = encoder_of("efficientnet-lite0");
  encoder->import_weights(published_weights(*encoder), "formula");
  const auto state = encoder->state();
  torch::manual_seed(6);
  Tensor pictures, expected;
  for (double margin = 0; margin < 5e-6;) {                           // away from the edges
    pictures = (torch::rand({1, 33, 33, 3}) * 255).requires_grad_();  // [1, S, S, 3]
    margin = 1;
    expected = lite0(pictures, state, 16, &margin);
  }
  const auto y = encoder->forward(pictures);
  EXPECT_LT(relative_difference(y.detach(), expected.detach()), 1e-5);
  const auto gy = torch::randn_like(y);
  const auto got = torch::autograd::grad({y}, {pictures}, {gy})[0];            // [1, S, S, 3]
  const auto wanted = torch::autograd::grad({expected}, {pictures}, {gy})[0];  // [1, S, S, 3]
  EXPECT_LT(relative_difference(got, wanted), 1e-4);
  for (const auto& [name, tensor] : state) EXPECT_FALSE(tensor.grad().defined()) << name;
}

class Trainable : public testing::TestWithParam<std::string> {};

TEST_P(Trainable, OnlyTheLastStagesGetGradientsAndTheyAreThoseOfTheWholeGraph) {
  const auto encoder = encoder_of(GetParam());
  const auto pictures = torch::cat({picture(48), picture(48).flip(2)});
  encoder->set_trainable(encoder->stages());
  const auto whole = encoder->forward(pictures);
  whole.pow(2).sum().backward();
  TensorMap expected;
  for (const auto& [name, tensor] : encoder->state()) {
    expected[name] = tensor.grad().clone();
    tensor.mutable_grad() = Tensor();
  }
  EXPECT_EQ(encoder->trainable_parameters().size(), expected.size());

  encoder->set_trainable(3);
  const auto part = encoder->forward(pictures);
  EXPECT_LT(relative_difference(part.detach(), whole.detach()), 1e-6);
  part.pow(2).sum().backward();
  size_t with_gradient = 0;
  for (const auto& [name, tensor] : encoder->state()) {
    EXPECT_EQ(tensor.grad().defined(), tensor.requires_grad()) << name;
    if (!tensor.grad().defined()) continue;
    ++with_gradient;
    EXPECT_LT(relative_difference(tensor.grad(), expected.at(name)), 1e-5) << name;
  }
  EXPECT_EQ(with_gradient, encoder->trainable_parameters().size());
  EXPECT_GT(with_gradient, 0u);

  encoder->set_trainable(0);
  EXPECT_FALSE(encoder->forward(pictures).requires_grad());
  EXPECT_TRUE(encoder->trainable_parameters().empty());
}

TEST_P(Trainable, Bf16FollowsFp32AndItsGradientsLandInFp32) {
  const auto encoder = encoder_of(GetParam());
  const auto pictures = torch::cat({picture(64), picture(64).flip(2)});
  encoder->set_trainable(3);
  std::vector<Tensor> annotations, gradients;
  for (const auto* precision : {"fp32", "bf16"}) {
    encoder->set_precision(precision);
    annotations.push_back(encoder->forward(pictures));
    EXPECT_EQ(annotations.back().scalar_type(), torch::kFloat);
    annotations.back().pow(2).sum().backward();
    std::vector<Tensor> flat;
    for (auto& parameter : encoder->trainable_parameters()) {
      EXPECT_EQ(parameter.grad().scalar_type(), torch::kFloat);
      flat.push_back(parameter.grad().flatten());
      parameter.mutable_grad() = Tensor();
    }
    gradients.push_back(torch::cat(flat));
  }
  EXPECT_LT(relative_difference(annotations[1].detach(), annotations[0].detach()), 0.05);
  EXPECT_LT(relative_difference(gradients[1], gradients[0]), 0.15);
}

TEST_P(Trainable, AStepOfTheOptimizerIsSeenByTheNextForward) {
  for (const auto* precision : {"fp32", "bf16"}) {
    const auto encoder = encoder_of(GetParam(), precision);
    encoder->set_trainable(2);
    torch::optim::SGD optimizer(encoder->trainable_parameters(), torch::optim::SGDOptions(1e-3));
    const auto first = encoder->forward(picture(32));
    first.sum().backward();
    optimizer.step();
    const auto fresh = encoder_of(GetParam(), precision);
    fresh->load_state(encoder->state(), "state");
    const auto second = encoder->forward(picture(32)).detach();
    EXPECT_GT(relative_difference(second, first.detach()), 1e-6);
    EXPECT_LT(relative_difference(second, fresh->forward(picture(32))), 1e-6);
  }
}

TEST_P(Trainable, PixelsGetTheSameGradientsWhateverIsTrained) {
  const auto encoder = encoder_of(GetParam());
  const auto pictures = picture(48).to(torch::kFloat).requires_grad_();  // [1, S, S, 3]
  Tensor expected;
  for (const int trained : {0, 2, encoder->stages()}) {
    encoder->set_trainable(trained);
    const auto y = encoder->forward(pictures);
    const auto got = torch::autograd::grad({y.pow(2).sum()}, {pictures})[0];  // [1, S, S, 3]
    if (trained == 0) expected = got;
    EXPECT_GT(got.norm().item<double>(), 0);
    EXPECT_LT(relative_difference(got, expected), 1e-5) << trained;
  }
  EXPECT_LT(relative_difference(encoder->forward(pictures).detach(), encoder->forward(picture(48)).detach()), 1e-4);
}

INSTANTIATE_TEST_SUITE_P(Encoders, Trainable, testing::Values("efficientnet-lite0", "resnet18", "resnet50", "vgg16"),
                         test_name);

TEST_P(Trainable, FewerStagesAreTheFirstOfAll) {
  const auto whole = encoder_of(GetParam());
  const auto whole_state = whole->state();
  for (int stages = 1; stages <= whole->stages(); ++stages) {
    const auto part = encoder_of(GetParam(), "fp32", stages);
    ASSERT_EQ(part->stages(), stages);
    part->load_state(whole_state, "whole");  // by name and shape
    EXPECT_LE(part->published_tensors().size(), whole->published_tensors().size());
    const torch::NoGradGuard no_grad;
    const auto annotations = part->forward(picture(65));  // [1, h, w, D]
    const auto [rows, columns] = part->grid(65);
    EXPECT_EQ(annotations.sizes().vec(), (std::vector<int64_t>{1, rows, columns, part->annotation_size()})) << stages;
    EXPECT_EQ(annotations.scalar_type(), torch::kFloat);
    EXPECT_TRUE(annotations.is_contiguous());
    if (stages == whole->stages()) {
      EXPECT_TRUE(annotations.equal(whole->forward(picture(65))));
    }
  }
  EXPECT_THAT([&] { encoder_of(GetParam(), "fp32", whole->stages() + 1); },
              ThrowsMessage<UsageError>(HasSubstr("encoder.stages: ")));
}

TEST(Encoder, FewerStagesOfLiteAreItsFirstBlocks) {
  for (const int blocks : {1, 7, 11}) {
    const auto encoder = encoder_of("efficientnet-lite0", "fp32", blocks + 1);
    encoder->set_trainable(blocks + 1);
    const auto annotations = encoder->forward(picture(65));
    EXPECT_LT(relative_difference(annotations, lite0(picture(65), encoder->state(), blocks)), 1e-5) << blocks;
    annotations.sum().backward();
    for (const auto& parameter : encoder->trainable_parameters()) EXPECT_TRUE(parameter.grad().defined());
  }
}

TEST(Encoder, VggAnnotationsArePaperSized) {
  EXPECT_EQ(encoder_of("vgg19")->grid(224), (std::array<int64_t, 2>{14, 14}));
}

TEST(Encoder, BatchesAreSinglePicturesSideBySide) {
  const auto encoder = encoder_of("efficientnet-lite0");
  const torch::NoGradGuard no_grad;
  const auto a = picture(32), b = picture(32).flip(1).contiguous();
  const auto both = encoder->forward(torch::cat({a, b}));
  EXPECT_LT(relative_difference(both[0], encoder->forward(a)[0]), 1e-5);
  EXPECT_LT(relative_difference(both[1], encoder->forward(b)[0]), 1e-5);
}

TEST(Encoder, Int8FollowsFp32WhateverElseIsInTheBatch) {
  const std::string data = ATTEND_SOURCE_DIR "/data/";
  auto captioner = load_captioner(data + "models/everyday.safetensors");
  auto& encoder = *captioner.encoder;
  encoder.set_precision("int8");
  if (encoder.precision() != "int8")
    GTEST_SKIP() << "this processor has no instructions for products of 8-bit integers";
  const torch::NoGradGuard no_grad;
  const auto input_of = [&](const std::string& name) {
    return stack_inputs({load_input(data + "samples/" + name, captioner.options.encoder)});
  };
  const auto a = input_of("astronaut.jpg"), b = input_of("windmill.webp");
  const auto int8 = encoder.forward(a);
  EXPECT_TRUE(encoder.forward(torch::cat({b, a}))[1].equal(int8[0]));
  EXPECT_LT(relative_difference(encoder.forward(a.to(torch::kFloat)), int8), 0.15);
  encoder.set_precision("bf16");
  const auto bf16 = encoder.forward(a);
  encoder.set_precision("fp32");
  const auto fp32 = encoder.forward(a);
  EXPECT_GT(relative_difference(int8, bf16), 0);
  EXPECT_LT(relative_difference(bf16, fp32), 0.05);
  EXPECT_LT(relative_difference(int8, fp32), 0.15);
}

TEST(Encoder, WhatHasNoInt8ComputesInBf16) {
  const auto encoder = encoder_of("resnet18");
  const torch::NoGradGuard no_grad;
  encoder->set_precision("bf16");
  const auto half = encoder->forward(picture(64));
  const auto at_work = encoder->precision();
  encoder->set_precision("int8");
  EXPECT_EQ(encoder->precision(), at_work);
  EXPECT_TRUE(encoder->forward(picture(64)).equal(half));
}

TEST(Encoder, WeightsOfAnotherNetworkAreRefusedByNameAndChangeNothing) {
  const auto encoder = encoder_of("efficientnet-lite0");
  const auto before = encoder->forward(picture(32));
  auto weights = published_weights(*encoder);
  auto short_of_one = weights;
  short_of_one.erase("_blocks.3._bn1.running_var");
  EXPECT_THAT([&] { encoder->import_weights(short_of_one, "w.pth"); },
              ThrowsMessage<InputError>(testing::AllOf(HasSubstr("w.pth: "), HasSubstr("_blocks.3._bn1.running_var"))));
  weights["_conv_head.weight"] = torch::zeros({2, 2});
  EXPECT_THAT([&] { encoder->import_weights(weights, "w.pth"); },
              ThrowsMessage<InputError>(testing::AllOf(HasSubstr("_conv_head.weight"), HasSubstr("[2, 2]"))));
  auto state = encoder->state();
  state.erase("head.bias");
  EXPECT_THAT([&] { encoder->load_state(state, "m.safetensors"); },
              ThrowsMessage<InputError>(HasSubstr("m.safetensors: no tensor \"head.bias\"")));
  EXPECT_TRUE(encoder->forward(picture(32)).equal(before));
}

TEST(Encoder, WrongChoicesAndPicturesAreRefused) {
  EXPECT_THAT([] { encoder_of("alexnet"); }, ThrowsMessage<UsageError>(HasSubstr("encoder.family: \"alexnet\"")));
  EXPECT_THAT([] { encoder_of("resnet18", "fp8"); },
              ThrowsMessage<UsageError>(HasSubstr("encoder.precision: \"fp8\"")));
  const auto encoder = encoder_of("efficientnet-lite0");
  EXPECT_THROW(encoder->forward(torch::zeros({1, 64, 64, 3}, torch::kDouble)), Error);
  EXPECT_THROW(encoder->forward(torch::zeros({1, 31, 64, 3}, torch::kByte)), Error);
  EXPECT_THROW(encoder->forward(torch::zeros({1, 3, 64, 64}, torch::kByte)), Error);
}

}  // namespace
}  // namespace attend
