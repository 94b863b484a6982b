// Smileys, quotes, ellipses, dashes and single symbols.
#include "text/ptb_scanner.h"

namespace attend::ptb {

void Scanner::smileys() {
  const auto face = [](char32_t c) { return is_one_of(c, "-^x=~<>'"); };
  const auto cheek = [](char32_t c) { return is_one_of(c, "^x=~<>'"); };
  const char32_t c = line_[at_];
  size_t eyes = at_ + (c == '<' || c == '>');
  if (is_one_of(line_[eyes], ":;=")) {
    for (size_t mouth : {eyes + 1, eyes + 2}) {
      if (mouth == eyes + 2 && !is_one_of(line_[eyes + 1], "-o*'")) break;
      if (is_one_of(line_[mouth], "()DPdpO\\{@|[]")) {
        if (!is_ascii_alnum(line_[mouth + 1])) offer(mouth + 1, mouth + 2);
      }
    }
  }
  if (face(c) && line_[at_ + 1] == '_' && face(line_[at_ + 2])) offer(at_ + 3);
  if (c == '(' && face(line_[at_ + 1])) {
    const size_t right = at_ + 2 + (line_[at_ + 2] == '_' || line_[at_ + 2] == '.');
    if (face(line_[right]) && line_[right + 1] == ')') offer(right + 2);
    if (cheek(line_[at_ + 1]) && line_[at_ + 2] == '-' && (cheek(line_[at_ + 3]) || line_[at_ + 3] == '`') &&
        line_[at_ + 4] == ')') {
      offer(at_ + 5);
    }
  }
}

/// The end of three or four full stops with single blanks between at `at`, or 0.
size_t Scanner::spaced_dots(size_t at) const {
  const auto gap = [&](size_t i) { return line_[i] == ' ' || line_[i] == 0xa0; };
  size_t end = at + 1;
  while (end < at + 7 && gap(end) && line_[end + 1] == '.') end += 2;
  return end >= at + 5 ? end : 0;
}

void Scanner::run_of(std::string_view chars, size_t least, Form form) {
  const size_t end = skip(at_, [&](char32_t c) { return is_one_of(c, chars); });
  if (end - at_ >= least) offer(end, end, form);
}

/// What a grave accent or a typographic quote is written as; nothing for other characters.
std::string_view Scanner::quote_text(char32_t c) {
  switch (c) {
    case '`':
    case 0x91:
    case 0x2018:
    case 0x201b:
    case 0x2039:
      return "`";
    case 0x92:
    case 0x2019:
    case 0x203a:
      return "'";
    case 0x93:
    case 0x201c:
    case 0xab:
      return "``";
    case 0x94:
    case 0x201d:
    case 0xbb:
      return "''";
    default:
      return {};
  }
}

void Scanner::quotes(char32_t c) {
  const char32_t next = line_[at_ + 1];
  switch (c) {
    case '"': {
      const bool opens = is_ascii_alnum(next) || next == '$';
      offer(at_ + 1, at_ + 1 + opens, opens ? Form::kDoubleOpen : Form::kDoubleClose);
      break;
    }
    case '\'': {
      const bool opens = is_ascii_letter(next) && line_[at_ + 2] != kEnd && !is_one_of(line_[at_ + 2], " \t\n\r") &&
                         line_[at_ + 2] != 0xa0;
      if (next == '\'') offer(at_ + 2, at_ + 2, Form::kDoubleClose);
      offer(at_ + 1, at_ + (opens ? 3 : 1), opens ? Form::kQuoteOpen : Form::kQuoteClose);
      break;
    }
    default:
      break;
  }
  // Two typographic quotes side by side are one token.
  if (!quote_text(c).empty()) {
    const size_t end = at_ + 1 + !quote_text(next).empty();
    offer(end, end, Form::kQuotes);
  }
  if (const size_t length = clitic(at_)) offer(at_ + length, at_ + length, Form::kClitic);
}

void Scanner::punctuation(char32_t c) {
  quotes(c);
  switch (c) {
    case '.':
      for (size_t end = at_ + 3; end <= at_ + 5 && spelled(at_, end, '.'); ++end) offer(end, end, Form::kEllipsis);
      if (const size_t end = spaced_dots(at_)) offer(end, end, Form::kEllipsis);
      break;
    case 0x85:
    case 0x2026:
      offer(at_ + 1, at_ + 1, Form::kEllipsis);
      break;
    case '-': {
      const size_t end = skip(at_, [](char32_t hyphen) { return hyphen == '-'; });
      if (end - at_ > 1) offer(end, end, end - at_ <= 4 ? Form::kDash : Form::kPlain);
      break;
    }
    case '\\':
      for (size_t end = at_; end < at_ + 6 && line_[end] == '\\' && line_[end + 1] == '*';) offer(end += 2);
      break;
    case '_':
      run_of("_", 1, Form::kPlain);
      break;
    case '*':
      run_of("*", 1, Form::kPlain);
      break;
    case '!':
    case '?':
      run_of("!?", 1, Form::kPlain);
      break;
    case '<':
      if (line_[at_ + 1] == '<') offer(at_ + 2);
      break;
    case '>':
      if (line_[at_ + 1] == '>') offer(at_ + 2);
      break;
    default:
      if (is_dash(c)) offer(at_ + 1, at_ + 1, Form::kDash);
      if (is_one_of(c, "cCfF")) {
        if (line_[at_ + 1] == '#') offer(at_ + 2);
        if (is_one_of(c, "cC") && matches(at_ + 1, "++")) offer(at_ + 3);
      }
  }
  // US$
  const size_t dollar = skip(at_, is_ascii_upper);
  if (line_[dollar] == '$') offer(dollar + 1);
  const auto kind = char_class(c);
  if (c >= kEntityLess && c <= kEntityPunctuation)
    offer(at_ + 1, at_ + 1, c >= kEntityLetter ? Form::kRaw : Form::kPlain);
  if (kind == CharClass::kSymbol || c == 0xad) offer(at_ + 1);
  if (c == 0x58a || c == 0x2010 || c == 0x2011) best_ = {at_ + 1, at_ + 1, Form::kNothing};
}

}  // namespace attend::ptb
