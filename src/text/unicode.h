// What the tokenizer asks of a character: its class and its lower case.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace attend {

enum class CharClass : uint8_t {
  kNone,    // no place in text: left out, and words end there
  kSpace,   // blanks of every width and line ends
  kLetter,  //
  kMark,    // accents and the like: part of a word, but not of a compound with digits or hyphens
  kDigit,   // decimal digits of any script
  kSymbol,  // a token of its own
};

/// The class of a code point, as Unicode 6 had it (the Unicode of PTBTokenizer 3.4.1).
CharClass char_class(char32_t c);

/// The lower-case code point of a code point (itself where there is none).
char32_t to_lower(char32_t c);

/// The code point that begins at text[at], and moves `at` behind it; U+FFFD for a byte that isn't UTF-8.
char32_t next_code_point(std::string_view text, size_t& at);

void append_utf8(std::string& text, char32_t c);

}  // namespace attend
