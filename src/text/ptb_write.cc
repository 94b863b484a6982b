// How tokens are written out.
#include "text/ptb_scanner.h"

namespace attend::ptb {

void Scanner::emit() {
  if (best_.form == Form::kTwo) {
    push(at_, best_.end, Form::kPlain);
    tokens_.emplace_back(".");
  } else if (best_.form != Form::kNothing) {
    push(at_, best_.end, best_.form);
  }
  at_ = best_.end;
}

void Scanner::push(size_t from, size_t to, Form form) {
  auto& token = tokens_.emplace_back();
  switch (form) {
    case Form::kQuoteOpen:
      token = "`";
      return;
    case Form::kQuoteClose:
      token = "'";
      return;
    case Form::kDoubleOpen:
      token = "``";
      return;
    case Form::kDoubleClose:
      token = "''";
      return;
    case Form::kQuotes:
      for (size_t i = from; i < to; ++i) token += quote_text(line_[i]);
      return;
    case Form::kDash:
      token = "--";
      return;
    case Form::kEllipsis:
      token = "...";
      return;
    default:
      break;
  }
  const bool single = to - from == 1;
  for (size_t i = from; i < to; ++i) {
    const char32_t c = line_[i];
    if (single && write_symbol(token, c)) return;
    if (form == Form::kRaw) {
      for (size_t at = line_.offset[i]; at < line_.offset[i + 1];)
        append_lower(token, next_code_point(line_.source, at));
    } else {
      const bool plain_mark = form == Form::kClitic && is_apostrophe_or_quote(c);
      write(token, !plain_mark ? c : is_apostrophe(c) ? '\'' : '`', i);
    }
  }
}

/// The symbols that have a name or a stand-in of their own. False for all others.
bool Scanner::write_symbol(std::string& token, char32_t c) {
  switch (c) {
    case '[':
      token = "-lsb-";
      return true;
    case ']':
      token = "-rsb-";
      return true;
    case '{':
      token = "-lcb-";
      return true;
    case '}':
      token = "-rcb-";
      return true;
    case 0xa2:
      token = "cents";
      return true;
    case 0xa3:
      token = "#";
      return true;
    case 0x80:
    case 0xa4:
    case 0x20a0:
    case 0x20ac:
      token = "$";
      return true;
    case 0xbc:
      token = "1/4";
      return true;
    case 0xbd:
      token = "1/2";
      return true;
    case 0xbe:
      token = "3/4";
      return true;
    case 0x2153:
      token = "1/3";
      return true;
    case 0x2154:
      token = "2/3";
      return true;
    case 0xad:
      token = "-";
      return true;
    case kEntityLess:
      token = "<";
      return true;
    case kEntityGreater:
      token = ">";
      return true;
    default:
      return false;
  }
}

void Scanner::write(std::string& token, char32_t c, size_t i) const {
  switch (c) {
    case '(':
      token += "-lrb-";
      return;
    case ')':
      token += "-rrb-";
      return;
    case 0xad:
      return;  // a soft hyphen
    case ' ':
      append_utf8(token, 0xa0);
      return;
    case kEntityLetter:
      token += folded_source(i);
      return;
    default:
      append_lower(token, c);
  }
}

std::string Scanner::folded_source(size_t i) const {
  std::string text(line_.source.substr(line_.offset[i], line_.offset[i + 1] - line_.offset[i]));
  for (auto& c : text) c = static_cast<char>(to_lower(static_cast<unsigned char>(c)));
  return text;
}

void Scanner::append_lower(std::string& token, char32_t c) {
  if (is_space(c)) c = 0xa0;         // a blank within a token doesn't part it
  if (c < ' ' || c == 0x7f) return;  // control characters
  append_utf8(token, c == 0x130 ? U'i' : to_lower(c));
  if (c == 0x130) append_utf8(token, 0x307);  // a capital dotted i becomes i and a dot
}

}  // namespace attend::ptb
