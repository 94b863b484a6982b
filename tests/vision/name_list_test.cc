#include "vision/name_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "vision/picture_files.h"

namespace attend {
namespace {

using namespace std::string_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string refusal(const std::string& list, char end) {
  try {
    parse_name_list(list, end, "names.txt");
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

TEST(NameList, HasANameALine) {
  EXPECT_THAT(parse_name_list("a.png\n\nb c.png\n d", '\n', ""), ElementsAre("a.png", "b c.png", " d"));
  EXPECT_THAT(parse_name_list("", '\n', ""), IsEmpty());
  EXPECT_THAT(parse_name_list("\n\n", '\n', ""), IsEmpty());
}

TEST(NameList, HasANulBehindEachName) {
  EXPECT_THAT(parse_name_list("a.png\0new\nline.png\0"s, '\0', ""), ElementsAre("a.png", "new\nline.png"));
  EXPECT_THAT(parse_name_list("one.png", '\0', ""), ElementsAre("one.png"));
}

TEST(NameList, WindowsLineEndsAndByteOrderMarksAreNoPartOfNames) {
  EXPECT_THAT(parse_name_list("\xef\xbb\xbf"
                              "a.png\r\nb.png\r\n\r\n",
                              '\n', ""),
              ElementsAre("a.png", "b.png"));
  EXPECT_THAT(parse_name_list("a.png\rb.png\r", '\n', ""), ElementsAre("a.png", "b.png"));
  EXPECT_THAT(parse_name_list("a.png\r", '\n', ""), ElementsAre("a.png"));
}

TEST(NameList, NamesThatFilesReallyHaveStayAsTheyAre) {
  const attend::testing::TemporaryFolder folder;
  const auto odd = folder.write("odd.png\r", {'x'}).string();
  EXPECT_THAT(parse_name_list(odd + "\nother.png\r\n", '\n', ""), ElementsAre(odd, "other.png"));
  EXPECT_THAT(parse_name_list(odd, '\n', ""), ElementsAre(odd));
  const auto lines = folder.write("two\nlines.png", {'x'}).string();
  EXPECT_THAT(parse_name_list(lines, '\0', ""), ElementsAre(lines));
}

TEST(NameList, TheOtherEndIsRefused) {
  EXPECT_EQ(refusal("a.png\0b.png\0"s, '\n'), "names.txt: has NUL bytes; if they end the names, say --null");
  EXPECT_EQ(refusal("a.png\nb\0.png\n"s, '\n'), "names.txt: has NUL bytes; if they end the names, say --null");
  EXPECT_EQ(refusal("a.png\nb.png\n", '\0'),
            "names.txt: has no NUL byte; its names end with newlines: leave out --null");
}

TEST(NameList, CompressedOnesAreCalledSo) { EXPECT_THAT(refusal("\x1f\x8b\x08\0\0"s, '\n'), HasSubstr("gzip")); }

TEST(NameList, Utf16IsCalledByItsName) {
  EXPECT_THAT(refusal("a\0.\0p\0n\0g\0\n\0"s, '\n'), HasSubstr("UTF-16"));  // without its mark
  EXPECT_THAT(refusal("\0a\0.\0p\0n\0g\0\n"s, '\n'), HasSubstr("UTF-16"));
  EXPECT_THAT(refusal("\xff\xfe"
                      "a\0.\0p\0n\0g\0\r\0\n\0"s,
                      '\n'),
              HasSubstr("UTF-16"));
  EXPECT_THAT(refusal("\xfe\xff\0a\0b"s, '\0'), HasSubstr("UTF-16"));
}

}  // namespace
}  // namespace attend
