// Tags, e-mail and web addresses, names with @ and #.
#include <algorithm>

#include "text/ptb_scanner.h"

namespace attend::ptb {

/// The end of an SGML tag at `at`, or 0.
size_t Scanner::tag_end(size_t at) const {
  constexpr size_t kLongest = 500;  // keeps time linear where tags are opened and never closed
  const size_t limit = std::min(line_.size(), at + kLongest);
  size_t i = at + 1;
  if (line_[i] == '!' || line_[i] == '?') {
    if (!is_ascii_letter(line_[i + 1]) && line_[i + 1] != '-') return 0;
    for (i += 2; i < limit && line_[i] != '>'; ++i) {
    }
    return i < limit ? i + 1 : 0;
  }
  const auto skip_name = [&] {
    if (!is_ascii_letter(line_[i])) return false;
    while (i < limit && (is_ascii_alnum(line_[i]) || is_one_of(line_[i], "_:.-"))) ++i;
    return true;
  };
  const auto skip_blanks = [&] {
    while (i < limit && line_[i] == ' ') ++i;
  };
  const bool closing = line_[i] == '/';
  if (closing) ++i;
  if (!skip_name()) return 0;
  while (i < limit) {
    const bool blank = line_[i] == ' ';
    skip_blanks();
    if (line_[i] == '>') return i + 1;
    if (closing) return 0;
    if (line_[i] == '/' && line_[i + 1] == '>') return i + 2;
    if (!blank || !skip_name()) return 0;
    const size_t name_end = i;
    skip_blanks();
    if (line_[i] != '=') {
      i = name_end;
      continue;
    }
    ++i;
    skip_blanks();
    const char32_t quote = line_[i];
    if (quote != '"' && quote != '\'') return 0;
    for (++i; i < limit && line_[i] != quote; ++i) {
    }
    ++i;
  }
  return 0;
}

void Scanner::tag() {
  if (const size_t end = tag_end(at_)) offer(end, end, Form::kRaw);
}

bool Scanner::ends_address(char32_t c) {
  return c == kEnd || is_one_of(c, " \t\n\f\r\"<>|(){}") || c == 0xa0 || c == kEntityLess || c == kEntityGreater;
}

void Scanner::email() {
  const size_t first = line_[at_] == '<' || line_[at_] == kEntityLess ? at_ + 1 : at_;
  if (!is_ascii_alnum(line_[first])) return;
  if (first >= address_end_) {
    address_end_ = skip(first, [](char32_t c) { return !ends_address(c); });
    address_sign_ = 0;
    for (size_t i = address_end_; i-- > first + 1;) {
      if (line_[i] == '@' && i + 1 < address_end_ && line_[i + 1] != '.') {
        address_sign_ = i;
        break;
      }
    }
    if (address_sign_ > 0) {
      for (email_end_ = address_sign_ + 1; email_end_ < address_end_; ++email_end_) {
        const bool dot = line_[email_end_] == '.';
        if (dot && (email_end_ + 1 == address_end_ || line_[email_end_ + 1] == '.')) break;
      }
    }
  }
  if (address_sign_ <= first) return;
  size_t end = email_end_;
  if (line_[end] == '>' || line_[end] == kEntityGreater) ++end;
  offer(end, end, Form::kRaw);
}

/// The end of the path of a URL at `at`, up to a blank or a character that's never in one: at least two characters,
/// punctuation at the end isn't part of it.
size_t Scanner::path_end(size_t at, std::string_view never) const {
  size_t end = skip(at, [&](char32_t c) { return !is_space(c) && !is_one_of(c, never); });
  while (end > at && is_one_of(line_[end - 1], ".!?(){},-")) --end;
  return end > at + 1 ? end : at;
}

void Scanner::full_url() {
  size_t at = at_;
  if (!matches(at, "http")) return;
  at += 4;
  if (is_one_of(line_[at], "sS")) ++at;
  if (!matches(at, "://")) return;
  const size_t end = path_end(at + 3, "\"<>|(){}");
  if (end > at + 3) offer(end, end, Form::kRaw);
}

void Scanner::offer_url(size_t end) {
  if (line_[end] == '/') {
    const size_t path = path_end(end + 1, "\"<>|()");
    if (path > end + 1) end = path;
  }
  offer(end, end, Form::kRaw);
}

/// www.name.xx and name.com, .net, .org, .edu
void Scanner::likely_url() {
  if (matches(at_, "www.")) {
    const auto in_name = [](char32_t c) { return !is_one_of(c, " \t\n\f\r\"<>|.!?(){},"); };
    size_t last = 0;
    for (size_t part = at_ + 4;;) {
      const size_t end = skip(part, in_name);
      if (part > at_ + 4) {
        const size_t letters = skip(part, is_ascii_letter);
        if (letters - part >= 2) last = part + std::min<size_t>(letters - part, 4);
      }
      if (end == part || line_[end] != '.') break;
      part = end + 1;
    }
    if (last > 0) offer_url(last);
  }
  const auto in_name = [](char32_t c) {
    return !is_one_of(c, " \t\n\f\r\"`'<>|.!?(){}$") && !(c >= ',' && c <= '_') && c != kEntityLess;
  };
  if (!in_name(line_[at_])) return;
  if (at_ >= domain_run_end_) {
    domain_top_ = 0;
    domain_run_end_ = at_;
    for (size_t part = at_;;) {
      if (part > at_ &&
          (matches(part, "com") || matches(part, "net") || matches(part, "org") || matches(part, "edu"))) {
        domain_top_ = part;
      }
      const size_t end = skip(part, in_name);
      if (end == part) break;
      domain_run_end_ = end;
      if (line_[end] != '.') break;
      part = end + 1;
    }
  }
  if (domain_top_ > at_ + 1) offer_url(domain_top_ + 3);
}

/// @name and #topic
void Scanner::handles() {
  const bool at_sign = line_[at_] == '@' || line_[at_] == 0xff20;
  const size_t end =
      at_sign ? skip(at_ + 1, [](char32_t c) { return is_ascii_alnum(c) || c == '_'; }) : skip(at_ + 1, is_letter);
  if (end > at_ + 1 && !(at_sign && is_ascii_digit(line_[at_ + 1]))) offer(end);
  const char32_t sign = line_[at_];
  const size_t run = skip(at_, [&](char32_t c) { return c == sign; });
  if (run - at_ > 1) offer(run);
}

}  // namespace attend::ptb
