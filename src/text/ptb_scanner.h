// The tokenizer itself: what it knows while it goes along a line. The rules stand in ptb_*.cc, a file a subject.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/ptb_characters.h"
#include "text/ptb_line.h"

namespace attend::ptb {

/// How a token is written out.
enum class Form : uint8_t {
  kNothing,  // not at all: what has no place in text
  kPlain,    // in lower case
  kClitic,   // in lower case, the apostrophe a straight one
  kRaw,      // in lower case, character entities left as they stand
  kTwo,      // as two tokens: an abbreviation that ends a sentence, and the sentence's full stop
  kQuoteOpen,
  kQuoteClose,
  kDoubleOpen,
  kDoubleClose,
  kQuotes,  // one or two typographic quotes
  kDash,
  kEllipsis,
};

/// Finds tokens from left to right. Each rule is a function that looks at the line from one place on and offers a
/// token; the rule that has looked furthest wins (what it looked at behind its token counts), the earlier rule of two
/// that looked equally far. Rules that may look far ahead of the token keep what they saw, so that time stays linear.
class Scanner {
 public:
  explicit Scanner(std::string_view bytes) : line_(bytes) {}

  std::vector<std::string> tokens() {
    while (at_ < line_.size()) {
      const char32_t c = line_[at_];
      if (is_space(c)) {
        ++at_;
        continue;
      }
      if (plain_word()) continue;
      best_ = {at_ + 1, at_, Form::kNothing};
      try_all(c);
      emit();
    }
    return std::move(tokens_);
  }

 private:
  struct Match {
    size_t end;    // behind the token
    size_t reach;  // behind what the rule looked at
    Form form;
  };

  void offer(size_t end, size_t reach, Form form = Form::kPlain) {
    if (reach > best_.reach) best_ = {end, reach, form};
  }
  void offer(size_t end) { offer(end, end); }

  /// By far the most tokens: ASCII letters up to a blank.
  bool plain_word() {
    size_t end = at_;
    while (is_ascii_letter(line_[end])) ++end;
    if (end == at_ || (line_[end] != ' ' && line_[end] != kEnd) || split_word(end) != 0) return false;
    push(at_, end, Form::kPlain);
    at_ = end;
    return true;
  }

  void try_all(char32_t c) {
    if (is_letter(c)) words();
    if (is_ascii_letter(c)) abbreviations();
    if (c == '<') tag();
    compound();
    if (is_apostrophe_or_quote(c)) apostrophes();
    if (is_ascii_alnum(c) || c == '<' || c == kEntityLess) email();
    if (c == 'h' || c == 'H') full_url();
    likely_url();
    if (c == '@' || c == 0xff20 || c == '#' || c == 0xff03) handles();
    numbers();
    phone();
    smileys();
    punctuation(c);
  }

  // --- Looking at the line ---

  bool matches(size_t at, std::string_view lower_case) const {
    for (const char c : lower_case) {
      const char32_t here = line_[at++];
      if (here >= 0x80 || to_lower(here) != static_cast<unsigned char>(c)) return false;
    }
    return true;
  }

  template <class Predicate>
  size_t skip(size_t at, Predicate predicate) const {
    while (at < line_.size() && predicate(line_[at])) ++at;
    return at;
  }

  size_t skip_word(size_t at) const {
    return skip(at, [](char32_t c) { return is_letter(c) || is_digit(c); });
  }
  /// Whether [from, to) is all `c`.
  bool spelled(size_t from, size_t to, char32_t c) const {
    for (size_t i = from; i < to; ++i) {
      if (line_[i] != c) return false;
    }
    return true;
  }
  bool blank_or_end(size_t at) const { return at >= line_.size() || is_space(line_[at]); }
  size_t skip_blanks(size_t at) const { return skip(at, is_space); }
  size_t skip_alnum(size_t at) const { return skip(at, is_ascii_alnum); }

  /// The ASCII characters [from, to) in lower case.
  std::string folded(size_t from, size_t to) const {
    std::string text;
    for (size_t i = from; i < to; ++i) text += line_[i] < 0x80 ? static_cast<char>(to_lower(line_[i])) : '?';
    return text;
  }

  /// Length of 's, 'm, 'd, 're, 've or 'll at `at`, else 0.
  size_t clitic(size_t at) const {
    if (!is_apostrophe(line_[at])) return 0;
    if (matches(at + 1, "re") || matches(at + 1, "ve") || matches(at + 1, "ll")) return 3;
    return is_one_of(line_[at + 1], "msdMSD") ? 2 : 0;
  }

  // ptb_words.cc
  size_t split_word(size_t end) const;
  void words();
  void stop_before_punctuation(size_t end);
  void contracted_words(size_t letters);
  void apostrophes();
  size_t elision(size_t at) const;
  size_t initials(size_t at) const;
  void compound();
  size_t slash_part(size_t at) const;
  void slashes();
  void file_name();
  // ptb_abbreviations.cc
  size_t sentence_end(size_t at) const;
  size_t sentence_starter(size_t at) const;
  void abbreviations();
  void may_end_sentence(size_t stop);
  void acronyms();
  // ptb_addresses.cc
  size_t tag_end(size_t at) const;
  void tag();
  static bool ends_address(char32_t c);
  void email();
  size_t path_end(size_t at, std::string_view never) const;
  void full_url();
  void offer_url(size_t end);
  void likely_url();
  void handles();
  // ptb_numbers.cc
  size_t digits(size_t at, size_t least, size_t most) const;
  void numbers();
  void date();
  void fraction();
  void superscripts();
  size_t ascii_digits(size_t at, size_t count) const;
  void phone();
  void phone_tail(size_t at);
  void dotted_tail(size_t at);
  // ptb_punctuation.cc
  void smileys();
  size_t spaced_dots(size_t at) const;
  void run_of(std::string_view chars, size_t least, Form form);
  static std::string_view quote_text(char32_t c);
  void quotes(char32_t c);
  void punctuation(char32_t c);
  // ptb_write.cc
  void emit();
  void push(size_t from, size_t to, Form form);
  static bool write_symbol(std::string& token, char32_t c);
  void write(std::string& token, char32_t c, size_t i) const;
  std::string folded_source(size_t i) const;
  static void append_lower(std::string& token, char32_t c);

  /// The end of a run of characters, remembered: it is the same from every place within the run.
  struct Run {
    size_t first = 0, end = 0;
    template <class Find>
    size_t end_from(size_t at, Find find) {
      if (at < first || at >= end) {
        first = at;
        end = find(at);
      }
      return end;
    }
  };

  Line line_;
  size_t at_ = 0;
  Match best_{};
  std::vector<std::string> tokens_;
  Run comma_run_;
  size_t file_run_end_ = 0, file_extension_ = 0, file_end_ = 0;
  size_t address_end_ = 0, address_sign_ = 0, email_end_ = 0;
  size_t domain_run_end_ = 0, domain_top_ = 0;
};

}  // namespace attend::ptb
