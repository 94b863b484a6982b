// The kinds of characters that the tokenizer tells apart.
#pragma once

#include <cstdint>
#include <string_view>

#include "text/unicode.h"

namespace attend::ptb {

// Stand-ins for character entities, in the private use area: they act like their character but keep their own spelling.
constexpr char32_t kEntityLess = 0xe000, kEntityGreater = 0xe001, kEntityLetter = 0xe002, kEntityPunctuation = 0xe003;

// A place behind the end of the line.
constexpr char32_t kEnd = 0xffffffff;

/// What stands between two letters of don't; and what people write for it.
inline bool is_apostrophe(char32_t c) { return c == '\'' || c == 0x92 || c == 0x2019; }
inline bool is_apostrophe_or_quote(char32_t c) {
  return is_apostrophe(c) || c == '`' || c == 0x91 || c == 0x2018 || c == 0x201b;
}
inline bool is_hyphen(char32_t c) { return c == '-' || c == '_' || c == 0x58a || c == 0x2010 || c == 0x2011; }
inline bool is_dash(char32_t c) { return c == 0x96 || c == 0x97 || (c >= 0x2013 && c <= 0x2015); }
inline bool is_ascii_upper(char32_t c) { return c >= 'A' && c <= 'Z'; }
inline bool is_ascii_letter(char32_t c) { return is_ascii_upper(c) || (c >= 'a' && c <= 'z'); }
inline bool is_ascii_digit(char32_t c) { return c >= '0' && c <= '9'; }
inline bool is_ascii_alnum(char32_t c) { return is_ascii_letter(c) || is_ascii_digit(c); }
inline bool is_one_of(char32_t c, std::string_view chars) {
  return c < 0x80 && chars.find(static_cast<char>(c)) != std::string_view::npos;
}

inline bool is_space(char32_t c) { return c != kEnd && char_class(c) == CharClass::kSpace; }
inline bool is_blank(char32_t c) { return is_space(c) && !(c >= '\n' && c <= '\r') && c != 0x2028 && c != 0x2029; }
inline bool is_digit(char32_t c) { return c != kEnd && char_class(c) == CharClass::kDigit; }
inline bool is_plain_letter(char32_t c) { return c != kEnd && char_class(c) == CharClass::kLetter; }
inline bool is_letter(char32_t c) {
  if (c == kEnd) return false;
  const auto kind = char_class(c);
  return kind == CharClass::kLetter || kind == CharClass::kMark || c == kEntityLetter;
}

}  // namespace attend::ptb
