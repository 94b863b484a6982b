#include "model/weights.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/error.h"
#include "model/safetensors.h"

namespace attend {
namespace {

namespace fs = std::filesystem;

const fs::path kData = fs::path(ATTEND_SOURCE_DIR) / "tests/model/data";

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

TEST(Weights, OtherFilesAreRefusedByName) {
  const auto path = fs::path(testing::TempDir()) / "weights-picture.pth";
  for (const std::string bytes : {"", "\xff\xd8\xff\xe0 picture", "{\"json\": true}"}) {
    std::ofstream(path, std::ios::binary) << bytes;
    try {
      read_weights(path);
      ADD_FAILURE() << bytes;
    } catch (const InputError& error) {
      EXPECT_THAT(error.what(), testing::StartsWith(path.string() + ": is neither"));
    }
  }
  fs::remove(path);
  EXPECT_THROW(read_weights(path), InputError);
}

TEST(Weights, QuotedTextIsOneShortLine) {
  EXPECT_EQ(quote("a.b"), "\"a.b\"");
  EXPECT_EQ(quote("a\n\"b\x1b"), "\"a\\n\\\"b\\u001b\"");
  EXPECT_LT(quote(std::string(100'000, 'x')).size(), 200u);
  EXPECT_NE(quote("\xff\xfe"), "");
}

}  // namespace
}  // namespace attend
