// Numbers, dates, fractions and telephone numbers.
#include <algorithm>

#include "text/ptb_scanner.h"

namespace attend::ptb {

/// The end of at most `most` digits at `at` when there are at least `least`, else 0.
size_t Scanner::digits(size_t at, size_t least, size_t most) const {
  size_t end = at;
  while (end - at < most && is_digit(line_[end])) ++end;
  return end - at >= least ? end : 0;
}

void Scanner::numbers() {
  const char32_t c = line_[at_];
  const size_t start = at_ + (c == '-' || c == '+');
  const auto separator = [](char32_t s) { return is_one_of(s, ".:,") || s == 0xad || s == 0x66b || s == 0x66c; };
  size_t end = skip(start, is_digit);
  while (separator(line_[end]) && is_digit(line_[end + 1])) end = skip(end + 1, is_digit);
  if (end > start) offer(end);
  if (is_digit(c)) {
    date();
    fraction();
  }
  superscripts();
}

/// 1/2/2003, 1-2-03
void Scanner::date() {
  for (const size_t first : {digits(at_, 1, 1), digits(at_, 2, 2)}) {
    if (first == 0 || !is_one_of(line_[first], "-/")) continue;
    for (const size_t second : {digits(first + 1, 1, 1), digits(first + 1, 2, 2)}) {
      if (second == 0 || !is_one_of(line_[second], "-/")) continue;
      if (const size_t end = digits(second + 1, 2, 4)) offer(end);
    }
  }
}

/// 1/2, 3 1/2
void Scanner::fraction() {
  const auto simple = [&](size_t at) -> size_t {
    const size_t over = digits(at, 1, 4);
    if (over == 0) return 0;
    const size_t slash = line_[over] == '\\' ? over + 1 : over;
    const bool bar = line_[slash] == '/' || (slash == over && line_[slash] == 0x2044);
    return bar ? digits(slash + 1, 1, 4) : 0;
  };
  if (const size_t end = simple(at_)) offer(end);
  const size_t whole = digits(at_, 1, 4);
  if (whole > 0 && (is_one_of(line_[whole], "- ") || line_[whole] == 0xa0)) {
    if (const size_t end = simple(whole + 1)) offer(end);
  }
}

void Scanner::superscripts() {
  const auto superscript = [](char32_t c) {
    return c == 0x2070 || c == 0xb9 || c == 0xb2 || c == 0xb3 || (c >= 0x2074 && c <= 0x2079);
  };
  const auto subscript = [](char32_t c) { return c >= 0x2080 && c <= 0x2089; };
  const char32_t c = line_[at_];
  const size_t start = at_ + (c == 0x207a || c == 0x207b || c == 0x208a || c == 0x208b);
  const size_t end = std::max(skip(start, superscript), skip(start, subscript));
  if (end > start) offer(end);
}

size_t Scanner::ascii_digits(size_t at, size_t count) const {
  for (size_t i = 0; i < count; ++i) {
    if (!is_ascii_digit(line_[at + i])) return 0;
  }
  return at + count;
}

/// Telephone numbers, their parts held together by hyphens, blanks or full stops.
void Scanner::phone() {
  const auto gap = [](char32_t c) { return c == '-' || c == ' ' || c == 0xa0; };
  const char32_t c = line_[at_];
  if (c == '(') {  // (555) 123-4567
    for (size_t n = 2; n <= 3; ++n) {
      const size_t end = ascii_digits(at_ + 1, n);
      if (end == 0 || line_[end] != ')') continue;
      phone_tail(end + 1);
      if (line_[end + 1] == ' ' || line_[end + 1] == 0xa0) phone_tail(end + 2);
    }
    return;
  }
  const size_t start = c == '+' ? at_ + (line_[at_ + 1] == '+' ? 2 : 1) : at_;
  if (!is_ascii_digit(line_[start])) return;
  for (size_t n = 2; n <= 4; ++n) {
    const size_t end = ascii_digits(start, n);
    if (end == 0) break;
    if (gap(line_[end])) {
      phone_tail(end + 1);
      for (size_t m = 2; m <= 4; ++m) {
        const size_t second = ascii_digits(end + 1, m);
        if (second != 0 && gap(line_[second])) phone_tail(second + 1);
      }
    }
    if (line_[end] == '.') {
      if (start == at_) dotted_tail(end + 1);
      for (size_t m = 2; m <= 4; ++m) {
        const size_t second = ascii_digits(end + 1, m);
        if (second != 0 && line_[second] == '.') dotted_tail(second + 1);
      }
    }
  }
}

/// The subscriber's number: three or four digits, three to five digits.
void Scanner::phone_tail(size_t at) {
  for (size_t n = 3; n <= 4; ++n) {
    const size_t first = ascii_digits(at, n);
    if (first == 0) return;
    const size_t second = first + (line_[first] == '-' || line_[first] == ' ' || line_[first] == 0xa0);
    for (size_t m = 3; m <= 5; ++m) {
      if (const size_t end = ascii_digits(second, m)) offer(end);
      if (const size_t end = ascii_digits(first, m)) offer(end);
    }
  }
}

void Scanner::dotted_tail(size_t at) {
  for (size_t n = 3; n <= 4; ++n) {
    const size_t first = ascii_digits(at, n);
    if (first == 0) return;
    for (size_t m = 3; m <= 5 && line_[first] == '.'; ++m) {
      if (const size_t end = ascii_digits(first + 1, m)) offer(end);
    }
  }
}

}  // namespace attend::ptb
