#include "model/weights.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/error.h"
#include "model/safetensors.h"

namespace attend {
namespace {

namespace fs = std::filesystem;

const fs::path kData = fs::path(ATTEND_SOURCE_DIR) / "tests/formats/data";

TEST(Weights, TheContentDecidesHowAFileIsRead) {
  const auto path = fs::path(testing::TempDir()) / "weights-misnamed.pth";
  write_safetensors(path, {{"w", torch::tensor({1.f})}}, {});
  EXPECT_TRUE(torch::equal(read_weights(path).at("w"), torch::tensor({1.f})));
  fs::copy_file(kData / "checkpoint_zip.pth", path, fs::copy_options::overwrite_existing);
  EXPECT_EQ(read_weights(path).size(), 3u);
  fs::copy_file(kData / "checkpoint_legacy.pth", path, fs::copy_options::overwrite_existing);
  EXPECT_EQ(read_weights(path).size(), 3u);
  fs::remove(path);
}

TEST(Weights, TensorsOfEveryTypeAndOrderComeBackFromViews) {
  TensorMap tensors{{"empty", torch::empty({4, 0, 2})}, {"scalar", torch::tensor(-2.5)}};
  for (const auto type : {torch::kFloat64, torch::kFloat32, torch::kFloat16, torch::kBFloat16, torch::kInt64,
                          torch::kInt32, torch::kInt16, torch::kInt8, torch::kUInt8, torch::kBool})
    tensors[c10::toString(type)] = torch::randint(0, 2, {3, 5}).to(type);  // [3, 5]
  tensors["turned"] = torch::randn({6, 4}).t();                            // [4, 6]
  const auto back = tensors_of(views_of(tensors));
  ASSERT_EQ(back.size(), tensors.size());
  for (const auto& [name, tensor] : tensors) {
    EXPECT_EQ(back.at(name).scalar_type(), tensor.scalar_type()) << name;
    EXPECT_TRUE(torch::equal(back.at(name), tensor)) << name;
  }
}

TEST(Weights, TensorsHaveTheStridesOfTheirViewsAndKeepTheirMemory) {
  auto tensors = read_weights(kData / "state_zip.pth");
  const auto whole = torch::arange(12, torch::kFloat).view({3, 4}) / 2;  // [3, 4]
  EXPECT_TRUE(torch::equal(tensors.at("whole"), whole));
  EXPECT_TRUE(torch::equal(tensors.at("columns"), torch::stack({whole.select(1, 1), whole.select(1, 3)})));
  EXPECT_FALSE(tensors.at("columns").is_contiguous());
  tensors.at("row").fill_(9);
  EXPECT_EQ(tensors.at("whole")[1][0].item<float>(), 9) << "row and whole no longer share their storage";
}

TEST(Weights, WhatFilesHaveNoTypeForIsRefused) {
  EXPECT_THROW(views_of({{"a", torch::zeros({1}, torch::kComplexFloat)}}), Error);
  EXPECT_THROW(views_of({{"a", torch::Tensor()}}), Error);
}

TEST(Weights, OtherFilesAreRefusedByName) {
  const auto path = fs::path(testing::TempDir()) / "weights-picture.pth";
  for (const std::string bytes : {"", "\xff\xd8\xff\xe0 picture", "{\"json\": true}"}) {
    std::ofstream(path, std::ios::binary) << bytes;
    try {
      read_weights(path);
      ADD_FAILURE() << bytes;
    } catch (const InputError& error) {
      EXPECT_THAT(error.what(),
                  testing::StartsWith(path.string() + (bytes.empty() ? ": is an empty file" : ": is neither")));
    }
  }
  fs::remove(path);
  EXPECT_THROW(read_weights(path), InputError);
}

}  // namespace
}  // namespace attend
