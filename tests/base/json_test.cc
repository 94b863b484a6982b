#include "base/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"

namespace attend {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using namespace std::string_literals;

std::string fault(const std::string& text) {
  try {
    parse_json(text, "file.json");
  } catch (const InputError& error) {
    return error.what();
  }
  return "no fault";
}

TEST(ParseJson, FaultsHaveLineAndColumn) {
  EXPECT_EQ(parse_json("{\"a\": [1, 2]}", "x")["a"][1], 2);
  EXPECT_THAT(fault("{\n  \"a\": 1,\n  b\n}"), StartsWith("file.json:3:3: not valid JSON"));
  EXPECT_THAT(fault("{\"a\": 1"), StartsWith("file.json:1:8: not valid JSON"));
  EXPECT_EQ(fault(""), "file.json: is an empty file");
}

TEST(ParseJson, FaultsThatHaveANameAreCalledByIt) {
  EXPECT_THAT(fault("{\"a\": \"caf\xe9 au lait\"}"),
              AllOf(StartsWith("file.json:1:"), HasSubstr("0xe9"), HasSubstr("Latin-1")));
  EXPECT_THAT(fault("{\"a\": \"caf\xe9\"}"), HasSubstr("Latin-1"));
  EXPECT_THAT(fault("\xff\xfe{\0}\0"s), HasSubstr("UTF-16"));
  EXPECT_THAT(fault("{\0}\0"s), HasSubstr("UTF-16"));
  EXPECT_THAT(fault("{\"a\": NaN}"), HasSubstr("NaN and Infinity"));
  EXPECT_THAT(fault("[-Infinity]"), HasSubstr("NaN and Infinity"));
  EXPECT_THAT(fault("\x1f\x8b\x08"), HasSubstr("gzip"));
  EXPECT_THAT(fault("{\"a\": 1}\n{\"a\": 2}\n"), AllOf(StartsWith("file.json:2:1: "), HasSubstr("JSON Lines")));
  EXPECT_THAT(fault("[{\"a\": 1}\n{\"a\": 2}]"), HasSubstr("mistyped"));
  EXPECT_THAT(fault("{\"a\": 1e999}"), AllOf(StartsWith("file.json"), HasSubstr("number too large")));
  EXPECT_EQ(parse_json("\xef\xbb\xbf[\"caf\xc3\xa9\"]", "x")[0], "café");
}

TEST(ParseJson, WhatLiesInPlaceOfJsonIsCalledByItsName) {
  EXPECT_THAT(fault(std::string(100, '\0')), StartsWith("file.json: is nothing but NUL bytes"));
  EXPECT_THAT(fault("version https://git-lfs.github.com/spec/v1\noid sha256:4d\n"),
              StartsWith("file.json: is a pointer of Git LFS"));
  EXPECT_THAT(fault("\r\n <!DOCTYPE HTML>\n"), StartsWith("file.json: is a web page (HTML)"));
  EXPECT_THAT(fault("<?xml version=\"1.0\"?>"), StartsWith("file.json:1:1: not valid JSON"));
}

TEST(ParseJson, DepthIsBounded) {
  const auto nested = [](size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_EQ(fault(nested(100)), "no fault");
  EXPECT_THAT(fault(nested(101)), StartsWith("file.json:1:101: lists and objects more than 100 deep"));
  EXPECT_THAT(fault(std::string(1000000, '[')), HasSubstr("100 deep"));
  EXPECT_EQ(fault("[\"" + std::string(1000, '[') + "\", \"\\\"" + std::string(1000, '{') + "\"]"), "no fault");
  std::string objects;
  for (int i = 0; i < 101; ++i) objects += "{\"a\":";
  EXPECT_THAT(fault(objects), HasSubstr("100 deep"));
}

}  // namespace
}  // namespace attend
