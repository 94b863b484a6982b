#include "model/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <random>
#include <tuple>

#include "base/error.h"

namespace attend {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class Safetensors : public testing::Test {
 protected:
  void SetUp() override {
    directory_ = fs::path(testing::TempDir()) /
                 (std::string("safetensors-") + testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::create_directories(directory_);
    path_ = directory_ / "a.safetensors";
  }
  void TearDown() override { fs::remove_all(directory_); }

  void write(const std::string& bytes) {
    fs::remove(path_);  // some file systems flush a file that is written over, but not a new one
    std::ofstream(path_, std::ios::binary) << bytes;
  }
  void write(const std::string& header, const std::string& data) {
    const uint64_t length = header.size();
    write(std::string(reinterpret_cast<const char*>(&length), sizeof length) + header + data);
  }
  /// What reading the file says; "" if it can be read.
  std::string refusal() {
    try {
      read_safetensors(path_);
      return "";
    } catch (const InputError& error) {
      EXPECT_THAT(error.what(), HasSubstr(path_.string()));
      EXPECT_THAT(error.what(), testing::Not(HasSubstr("\n")));
      return error.what();
    }
  }
  std::string refusal(const std::string& header, const std::string& data) {
    write(header, data);
    return refusal();
  }

  fs::path directory_, path_;
};

TensorMap every_type() {
  TensorMap tensors;
  for (const auto type : {torch::kFloat64, torch::kFloat32, torch::kFloat16, torch::kBFloat16, torch::kInt64,
                          torch::kInt32, torch::kInt16, torch::kInt8, torch::kUInt8, torch::kBool})
    tensors[std::string("of type ") + c10::toString(type)] = torch::randint(0, 2, {3, 5}).to(type);  // [3, 5]
  tensors["scalar"] = torch::tensor(-2.5);                                                           // []
  tensors["empty"] = torch::empty({4, 0, 2});                                                        // [4, 0, 2]
  tensors["strided"] = torch::randn({6, 4}).t();                                                     // [4, 6]
  tensors["ünïcode \"x\"\n"] = torch::randn({1});                                                    // [1]
  return tensors;
}

TEST_F(Safetensors, KeepsTensorsOfEveryTypeAndMetadata) {
  const auto tensors = every_type();
  write_safetensors(path_, tensors, {{"options", "{\"a\": 1}"}, {"b", "ünïcode"}});
  const auto read = read_safetensors(path_);
  ASSERT_EQ(read.tensors.size(), tensors.size());
  for (const auto& [name, tensor] : tensors) {
    ASSERT_TRUE(read.tensors.count(name)) << name;
    const auto& other = read.tensors.at(name);
    EXPECT_EQ(other.scalar_type(), tensor.scalar_type()) << name;
    EXPECT_TRUE(torch::equal(other, tensor)) << name;
  }
  EXPECT_EQ(read.metadata, Json({{"b", "ünïcode"}, {"options", "{\"a\": 1}"}}));
}

TEST_F(Safetensors, WritesWhatTheFormatAsksFor) {
  write_safetensors(path_, {{"a", torch::tensor({1, 2, 3}, torch::kUInt8)}, {"b", torch::tensor({1.f})}}, {{"k", "v"}});
  const std::string bytes = read_file(path_);
  uint64_t length;
  std::memcpy(&length, bytes.data(), sizeof length);
  EXPECT_EQ(length % 8, 0u);
  EXPECT_EQ(Json::parse(bytes.substr(8, length)),
            Json::parse(R"({"__metadata__": {"k": "v"}, "b": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]},
                            "a": {"dtype": "U8", "shape": [3], "data_offsets": [4, 7]}})"));
  EXPECT_EQ(bytes.substr(8 + length), std::string("\0\0\x80\x3f\1\2\3", 7));
}

TEST_F(Safetensors, AnEmptyMapMakesAFile) {
  write_safetensors(path_, {}, {});
  const auto read = read_safetensors(path_);
  EXPECT_TRUE(read.tensors.empty());
  EXPECT_TRUE(read.metadata.empty());
}

TEST_F(Safetensors, TensorsOutliveTheFileAndItsName) {
  const auto tensor = torch::randn({1000});  // [1000]
  write_safetensors(path_, {{"a", tensor}}, {});
  torch::Tensor kept;
  {
    const auto read = read_safetensors(path_);
    kept = read.tensors.at("a");
  }
  fs::remove(path_);
  EXPECT_TRUE(torch::equal(kept, tensor));
}

TEST_F(Safetensors, DataThatLiesUnalignedIsReadAll) {
  write(R"({"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"y":{"dtype":"F32","shape":[2],"data_offsets":[1,9]}})",
        std::string("\7\0\0\x80\x3f\0\0\0\x40", 9));
  const auto read = read_safetensors(path_);
  EXPECT_TRUE(torch::equal(read.tensors.at("y"), torch::tensor({1.f, 2.f})));
  EXPECT_EQ(reinterpret_cast<uintptr_t>(read.tensors.at("y").data_ptr()) % 4, 0u);
}

TEST_F(Safetensors, RefusesHeadersThatLie) {
  const auto entry = [](const std::string& dtype, const std::string& shape, const std::string& offsets) {
    return R"({"w":{"dtype":)" + dtype + R"(,"shape":)" + shape + R"(,"data_offsets":)" + offsets + "}}";
  };
  const std::string four(4, '\0');
  EXPECT_EQ(refusal(entry("\"F32\"", "[1]", "[0,4]"), four), "");
  const std::tuple<std::string, std::string, std::string, std::string> lies[] = {
      {"\"F8_E4M3\"", "[4]", "[0,4]", "type"},
      {"3", "[1]", "[0,4]", "type"},
      {"\"F32\"", "[-1]", "[0,4]", "whole numbers"},
      {"\"F32\"", "[1.0]", "[0,4]", "whole numbers"},
      {"\"F32\"", "[\"1\"]", "[0,4]", "whole numbers"},
      {"\"F32\"", "[99999999999999999999]", "[0,4]", "whole numbers"},
      {"\"F32\"", "1", "[0,4]", "not a list"},
      {"\"F32\"", "[4294967296,4294967296]", "[0,4]", "too large"},
      {"\"F32\"", "[4611686018427387904]", "[0,4]", "too large"},
      {"\"F32\"", "[0,4611686018427387904,4611686018427387904]", "[0,0]", "too large"},
      {"\"F32\"", "[2]", "[0,4]", "don't fit"},
      {"\"F32\"", "[1]", "[4,0]", "don't fit"},
      {"\"F32\"", "[1]", "[0]", "two data_offsets"},
      {"\"F32\"", "[1]", "[-4,0]", "whole numbers"},
      {"\"F32\"", "[1]", "[4,8]", "ends behind"},
      {"\"F32\"", "[2]", "[0,8]", "ends behind"},
      {"\"F32\"", "[0]", "[2,2]", "gap"},
      {"\"BOOL\"", "[2]", "[2,4]", "gap"},
      {"\"U8\"", "[3]", "[0,3]", "belong to no tensor"},
      {"\"F32\"", "[[1]]", "[0,4]", "deeper"},
  };
  for (const auto& [dtype, shape, offsets, says] : lies) {
    const auto what = refusal(entry(dtype, shape, offsets), four);
    EXPECT_THAT(what, HasSubstr(says)) << dtype << shape << offsets;
  }
  EXPECT_THAT(refusal(entry("\"F32\"", "[2]", "[0,4]"), four), HasSubstr("tensor \"w\""));
  EXPECT_THAT(refusal(entry("\"BOOL\"", "[4]", "[0,4]"), std::string("\0\1\2\0", 4)), HasSubstr("neither 0 nor 1"));
}

TEST_F(Safetensors, RefusesOverlapsAndDuplicates) {
  const std::string a = R"("a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]})";
  const std::string b = R"("b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]})";
  EXPECT_THAT(refusal("{" + a + "," + b + "}", "123"), HasSubstr("tensor \"b\" overlaps"));
  EXPECT_THAT(refusal("{" + a + "," + a + "}", "12"), HasSubstr("twice"));
  EXPECT_THAT(refusal(R"({"__metadata__":{"k":"1","k":"2"}})", ""), HasSubstr("twice"));
  EXPECT_THAT(refusal(R"({"__metadata__":{"k":1}})", ""), HasSubstr("not a string"));
  EXPECT_THAT(refusal(R"({"__metadata__":[]})", ""), HasSubstr("not an object"));
}

TEST_F(Safetensors, RefusesHeadersThatAreNone) {
  EXPECT_THAT(refusal("", ""), HasSubstr("begin with {"));
  EXPECT_THAT(refusal("[]", ""), HasSubstr("begin with {"));
  EXPECT_THAT(refusal("{\"a\":", ""), HasSubstr("not valid JSON"));
  EXPECT_THAT(refusal("{\"a\":{}}", ""), HasSubstr("exactly"));
  EXPECT_THAT(refusal("{\"\xff\":{}}", ""), HasSubstr("not valid JSON"));
  EXPECT_THAT(refusal("{\"a\":" + std::string(100'000, '['), ""), HasSubstr("deeper"));
  std::string many = "{\"a\":{\"shape\":[0";
  for (int i = 0; i < 64; ++i) many += ",1";
  EXPECT_THAT(refusal(many, ""), HasSubstr("deeper"));
  write("");
  EXPECT_THAT(refusal(), HasSubstr("no header"));
  write(std::string(8, '\xff') + "{}");
  EXPECT_THAT(refusal(), HasSubstr("100 MB"));
  write(std::string("\x10\0\0\0\0\0\0\0{}", 10));
  EXPECT_THAT(refusal(), HasSubstr("ends within its header"));
  fs::remove(path_);
  EXPECT_NE(refusal(), "");
}

TEST_F(Safetensors, RefusesAFileCutShortAnywhere) {
  write_safetensors(path_, {{"a", torch::randn({3})}, {"b", torch::zeros({5}, torch::kBool)}}, {{"k", "v"}});
  const std::string bytes = read_file(path_);
  for (size_t size = 0; size < bytes.size(); ++size) {
    write(bytes.substr(0, size));
    EXPECT_NE(refusal(), "") << size;
  }
}

TEST_F(Safetensors, AnyChangedBytesAreReadOrRefused) {
  write_safetensors(path_, every_type(), {{"k", "v"}});
  const std::string bytes = read_file(path_);
  std::mt19937 random(1);
  int refused = 0;
  for (int i = 0; i < 2000; ++i) {
    std::string changed = bytes;
    for (auto count = 1 + random() % 4; count > 0; --count)
      changed[random() % changed.size()] = static_cast<char>(random() % 2 ? random() : "09[]{}\",:"[random() % 9]);
    write(changed);
    try {
      for (const auto& [name, tensor] : read_safetensors(path_).tensors) tensor.to(torch::kFloat64).sum();
    } catch (const InputError&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, 1000);
}

TEST_F(Safetensors, WritingWhatTheFormatLacksFailsAndLeavesNothing) {
  EXPECT_THROW(write_safetensors(path_, {{"a", torch::zeros({1}, torch::kComplexFloat)}}, {}), Error);
  EXPECT_THROW(write_safetensors(path_, {{"a", torch::Tensor()}}, {}), Error);
  EXPECT_THROW(write_safetensors(path_, {{"__metadata__", torch::zeros({1})}}, {}), Error);
  EXPECT_THROW(write_safetensors(path_, {{"a", torch::zeros({1})}}, {{"k", "\xff"}}), Error);
  EXPECT_TRUE(fs::is_empty(directory_));
}

}  // namespace
}  // namespace attend
