#include "formats/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <random>
#include <tuple>

#include "base/error.h"
#include "base/files.h"
#include "formats/view_values.h"

namespace attend::formats {
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

using Views = std::vector<TensorView>;

TensorView one(const std::string& name) { return make_view<float>(name, ElementType::kFloat32, {1}, {1}); }

Views every_type() {
  const std::vector<uint8_t> truth{1, 0, 0, 1, 1, 1};
  const std::vector<int64_t> shape{3, 2};
  return {make_view<double>("f64", ElementType::kFloat64, shape, {1e300, -0.5, 3, 0, 5, 6}),
          make_view<float>("f32", ElementType::kFloat32, shape, {1e30f, -0.5f, 3, 0, 5, 6}),
          make_view<uint16_t>("f16", ElementType::kFloat16, shape, {0x3c00, 0xbc00, 0x7bff, 0, 1, 0x3555}),
          make_view<uint16_t>("bf16", ElementType::kBFloat16, shape, {0x3f80, 0xbf80, 0x7f7f, 0, 1, 0x3555}),
          make_view<int64_t>("i64", ElementType::kInt64, shape, {INT32_MAX + int64_t{1}, -1, 2, 3, 4, 5}),
          make_view<int32_t>("i32", ElementType::kInt32, shape, {INT32_MAX, -1, 2, 3, 4, 5}),
          make_view<int16_t>("i16", ElementType::kInt16, shape, {INT16_MAX, -1, 2, 3, 4, 5}),
          make_view<int8_t>("i8", ElementType::kInt8, shape, {INT8_MAX, -1, 2, 3, 4, 5}),
          make_view<uint8_t>("u8", ElementType::kUInt8, shape, {UINT8_MAX, 1, 2, 3, 4, 5}),
          make_view<uint8_t>("bool", ElementType::kBool, shape, truth),
          make_view<float>("scalar", ElementType::kFloat32, {}, {-2.5f}),
          make_view<float>("empty", ElementType::kFloat32, {4, 0, 2}, {}),
          make_view<float>("ünïcode \"x\"\n", ElementType::kFloat32, {1}, {1})};
}

TEST_F(Safetensors, KeepsTensorsOfEveryTypeAndMetadata) {
  const auto tensors = every_type();
  write_safetensors(path_, tensors, {{"options", "{\"a\": 1}"}, {"b", "ünïcode"}});
  const auto read = read_safetensors(path_);
  ASSERT_EQ(read.tensors.size(), tensors.size());
  for (const auto& tensor : tensors) {
    const auto* other = find_view(read.tensors, tensor.name);
    ASSERT_TRUE(other) << tensor.name;
    EXPECT_EQ(other->type, tensor.type) << tensor.name;
    EXPECT_EQ(other->shape, tensor.shape) << tensor.name;
    EXPECT_EQ(values_of(*other), values_of(tensor)) << tensor.name;
  }
  EXPECT_EQ(read.metadata, Json({{"b", "ünïcode"}, {"options", "{\"a\": 1}"}}));
}

TEST_F(Safetensors, WritesWhatTheFormatAsksFor) {
  write_safetensors(path_, {make_view<uint8_t>("a", ElementType::kUInt8, {3}, {1, 2, 3}), one("b")}, {{"k", "v"}});
  const std::string bytes = read_file(path_);
  uint64_t length;
  std::memcpy(&length, bytes.data(), sizeof length);
  EXPECT_EQ(length % 8, 0u);
  EXPECT_EQ(Json::parse(bytes.substr(8, length)),
            Json::parse(R"({"__metadata__": {"k": "v"}, "b": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]},
                            "a": {"dtype": "U8", "shape": [3], "data_offsets": [4, 7]}})"));
  EXPECT_EQ(bytes.substr(8 + length), std::string("\0\0\x80\x3f\1\2\3", 7));
}

TEST_F(Safetensors, NoTensorsMakeAFile) {
  write_safetensors(path_, {}, {});
  const auto read = read_safetensors(path_);
  EXPECT_TRUE(read.tensors.empty());
  EXPECT_TRUE(read.metadata.empty());
}

TEST_F(Safetensors, TensorsOutliveTheFileAndItsName) {
  write_safetensors(path_, {make_view<double>("a", ElementType::kFloat64, {1000}, std::vector<double>(1000, 7))}, {});
  TensorView kept;
  {
    const auto read = read_safetensors(path_);
    kept = read.tensors.at(0);
  }
  fs::remove(path_);
  EXPECT_EQ(values_of(kept), std::vector<double>(1000, 7));
}

TEST_F(Safetensors, AFileInMemoryIsReadWhereItLies) {
  write_safetensors(path_, every_type(), {{"k", "v"}});
  const auto bytes = std::make_shared<std::string>(read_file(path_));
  const auto read = parse_safetensors(std::as_bytes(std::span(*bytes)), bytes, "memory");
  EXPECT_EQ(values_of(*find_view(read.tensors, "i8")), (std::vector<double>{127, -1, 2, 3, 4, 5}));
  for (const auto& view : read.tensors) {
    if (view.bytes.empty()) continue;
    const auto* at = reinterpret_cast<const char*>(view.bytes.data());
    EXPECT_TRUE(at >= bytes->data() && at < bytes->data() + bytes->size()) << view.name;
  }
  try {
    parse_safetensors(std::as_bytes(std::span(*bytes)).first(20), nullptr, "memory");
    ADD_FAILURE();
  } catch (const InputError& error) {
    EXPECT_THAT(error.what(), testing::StartsWith("memory: "));
  }
}

TEST_F(Safetensors, DataThatLiesUnalignedIsReadAll) {
  write(R"({"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"y":{"dtype":"F32","shape":[2],"data_offsets":[1,9]}})",
        std::string("\7\0\0\x80\x3f\0\0\0\x40", 9));
  const auto read = read_safetensors(path_);
  const auto* view = find_view(read.tensors, "y");
  EXPECT_EQ(values_of(*view), (std::vector<double>{1, 2}));
  EXPECT_EQ(reinterpret_cast<uintptr_t>(view->bytes.data()) % 4, 0u);
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
      {"\"U8\"", "[3]", "[0,3]", "has 1 byte of no tensor"},
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
  EXPECT_THAT(refusal("", ""), HasSubstr("nothing but NUL bytes"));
  EXPECT_THAT(refusal(" ", ""), HasSubstr("begin with {"));
  EXPECT_THAT(refusal("[]", ""), HasSubstr("begin with {"));
  EXPECT_THAT(refusal("{\"a\":", ""), HasSubstr("not valid JSON"));
  EXPECT_THAT(refusal("{\"a\":{}}", ""), HasSubstr("exactly"));
  EXPECT_THAT(refusal("{\"\xff\":{}}", ""), HasSubstr("not valid JSON"));
  EXPECT_THAT(refusal("{\"a\":" + std::string(100'000, '['), ""), HasSubstr("deeper"));
  std::string many = "{\"a\":{\"shape\":[0";
  for (int i = 0; i < 64; ++i) many += ",1";
  EXPECT_THAT(refusal(many, ""), HasSubstr("deeper"));
  write("");
  EXPECT_THAT(refusal(), HasSubstr("is an empty file"));
  write(std::string(8, '\xff') + "{}");
  EXPECT_THAT(refusal(), HasSubstr("100 MB"));
  write(std::string("\x10\0\0\0\0\0\0\0{}", 10));
  EXPECT_THAT(refusal(), HasSubstr("ends within its header"));
  fs::remove(path_);
  EXPECT_NE(refusal(), "");
}

TEST_F(Safetensors, RefusesAFileCutShortAnywhere) {
  write_safetensors(path_, every_type(), {{"k", "v"}});
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
      for (const auto& view : read_safetensors(path_).tensors) values_of(view);
    } catch (const InputError&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, 1000);
}

TEST_F(Safetensors, WritingWhatTheFormatLacksFailsAndLeavesNothing) {
  EXPECT_THROW(write_safetensors(path_, {one("__metadata__")}, {}), Error);
  EXPECT_THROW(write_safetensors(path_, {one("a"), one("a")}, {}), Error);
  EXPECT_THROW(write_safetensors(path_, {one("\xff")}, {}), Error);
  EXPECT_THROW(write_safetensors(path_, {one("a")}, {{"k", "\xff"}}), Error);
  auto turned = make_view<float>("a", ElementType::kFloat32, {2, 2}, {1, 2, 3, 4});
  turned.strides = {1, 2};
  EXPECT_THROW(write_safetensors(path_, {turned}, {}), Error);
  auto longer = one("a");
  longer.shape = {2};
  EXPECT_THROW(write_safetensors(path_, {longer}, {}), Error);
  EXPECT_TRUE(fs::is_empty(directory_));
}

TEST(ModelThatComesWithAttend, NamesNoPlaceOfTheMachineThatMadeIt) {
  const auto metadata =
      read_safetensors(std::filesystem::path(ATTEND_SOURCE_DIR) / "data/models/everyday.safetensors").metadata;
  ASSERT_TRUE(metadata.contains("about"));
  // Of its vocabulary any word may begin so; of all else a text that begins with a slash is an absolute path.
  for (const auto& [key, value] : metadata.items())
    if (key != "vocabulary") {
      EXPECT_EQ(value.get<std::string>().find("\"/"), std::string::npos) << key;
    }
}

}  // namespace
}  // namespace attend::formats
