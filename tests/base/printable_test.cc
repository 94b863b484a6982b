#include "base/printable.h"

#include <gtest/gtest.h>

namespace attend {
namespace {

TEST(Printable, OrdinaryTextStaysAsItIs) {
  for (const std::string text :
       {"", "a photo (1).jpg", "C:\\pictures", "пёс.png", "犬 🐕.jpg", "café", "\xf4\x8f\xbf\xbf"})
    EXPECT_EQ(printable(text), text);
}

TEST(Printable, ControlCharactersAreWrittenOut) {
  EXPECT_EQ(printable("plain.png\r"), "plain.png\\r");
  EXPECT_EQ(printable("new\nline\t\x1b[31mred\x7f"), "new\\nline\\t\\x1b[31mred\\x7f");
  EXPECT_EQ(printable(std::string_view("a\0b", 3)), "a\\x00b");
  EXPECT_EQ(printable("\xc2\x9b"
                      "31m"),
            "\\u009b31m");  // a terminal's eight-bit escape
}

TEST(Printable, InvisibleCharactersAreWrittenOut) {
  EXPECT_EQ(printable("\xef\xbb\xbfphoto.jpg"), "\\ufeffphoto.jpg");      // a byte order mark
  EXPECT_EQ(printable("evil\xe2\x80\xaegpj.exe"), "evil\\u202egpj.exe");  // right to left
  EXPECT_EQ(printable("a\xe2\x80\xa8"
                      "b"),
            "a\\u2028b");
  EXPECT_EQ(printable("\xf3\xa0\x80\x81"), "\\U000e0001");
}

TEST(Printable, BytesThatAreNotUtf8AreWrittenOut) {
  EXPECT_EQ(printable("\xff\xfe.png"), "\\xff\\xfe.png");
  EXPECT_EQ(printable("caf\xe9"), "caf\\xe9");
  EXPECT_EQ(printable("\xc0\xaf"), "\\xc0\\xaf");           // too long a form of "/"
  EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80");  // half a surrogate pair
  EXPECT_EQ(printable("\xe2\x82"), "\\xe2\\x82");           // cut short
}

TEST(Quote, IsOneShortLine) {
  EXPECT_EQ(quote("a.b"), "\"a.b\"");
  EXPECT_EQ(quote("a\n\"b\x1b"), "\"a\\n\\\"b\\u001b\"");
  EXPECT_LT(quote(std::string(100'000, 'x')).size(), 200u);
  EXPECT_NE(quote("\xff\xfe"), "");
}

TEST(Counted, HasTheNounsNumber) {
  EXPECT_EQ(counted(0, "picture"), "0 pictures");
  EXPECT_EQ(counted(1, "picture"), "1 picture");
  EXPECT_EQ(counted(12, "picture"), "12 pictures");
  EXPECT_EQ(counted_of(1, 1, "picture"), "1 of 1 picture");
  EXPECT_EQ(counted_of(1, 3, "picture"), "1 of 3 pictures");
}

}  // namespace
}  // namespace attend
