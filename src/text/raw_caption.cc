#include "text/raw_caption.h"

#include <algorithm>
#include <cctype>
#include <regex>
#include <vector>

namespace attend {
namespace {

/// In all the brackets that people put around them, and as words of their own.
const std::vector<std::string> kMarks = [] {
  std::vector<std::string> marks = {"startseq", "endseq", "startofseq", "endofseq", "#start#", "#end#"};
  for (const std::string name : {"start", "end", "s", "bos", "eos", "sos", "pad", "cls", "sep", "go", "stop", "begin",
                                 "startoftext", "endoftext", "startseq", "endseq"})
    for (const auto& mark :
         {"<" + name + ">", "</" + name + ">", "[" + name + "]", "<|" + name + "|>", "{" + name + "}"})
      marks.push_back(mark);
  return marks;
}();

bool is_blank(char c) { return c == ' ' || c == '\t'; }

bool same(std::string_view text, std::string_view mark) {
  return std::equal(text.begin(), text.end(), mark.begin(), mark.end(),
                    [](unsigned char a, char b) { return std::tolower(a) == b; });
}

/// The text without its blanks at both ends.
std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

/// Takes one mark off an end of `text`; one without brackets only where it is a word of its own.
bool take_off_one(std::string_view& text) {
  for (const auto& mark : kMarks) {
    if (text.size() < mark.size()) continue;
    const size_t rest = text.size() - mark.size();
    const bool is_word = mark.front() >= 'a';
    if (same(text.substr(0, mark.size()), mark) && (!is_word || rest == 0 || is_blank(text[mark.size()]))) {
      text.remove_prefix(mark.size());
      return true;
    }
    if (same(text.substr(rest), mark) && (!is_word || is_blank(text[rest - 1]))) {
      text.remove_suffix(mark.size());
      return true;
    }
  }
  return false;
}

}  // namespace

bool has_word(std::string_view caption) {
  return std::any_of(caption.begin(), caption.end(), [](unsigned char c) { return std::isalnum(c) || c >= 0x80; });
}

std::string leftover(std::string_view caption) {
  static const std::regex html(
      "&(amp|lt|gt|quot|apos|nbsp|#[0-9]{1,6}|#x[0-9a-f]{1,6});|</?(p|br|b|i|em|strong|span|div|a|img|ul|li|h[1-6])( "
      "[^<>]*)?/?>",
      std::regex::icase | std::regex::optimize);
  const auto text = trimmed(caption);
  for (const std::string_view nothing : {"nan", "null", "none", "undefined", "n/a"})
    if (same(text, nothing)) return "nan or null in place of a text";
  if ((text.starts_with("[\"") && text.ends_with("\"]")) || (text.starts_with("['") && text.ends_with("']")) ||
      (text.starts_with("b'") && text.ends_with('\'')) || (text.starts_with("b\"") && text.ends_with('"')))
    return "a list or bytes of Python's in place of a text ([\"…\"], b'…')";
  const auto reads_as_latin1 = [&] {
    if (text.find("\u00e2\u20ac") != text.npos) return true;  // of quotes and dashes
    for (size_t at = 0; (at = text.find("\u00c3", at)) != text.npos; ++at)
      if (at + 3 < text.size() && text[at + 2] == '\xc2') return true;  // then U+0080 to U+00BF: of accented letters
    return false;
  };
  if (reads_as_latin1()) return "UTF-8 read as Latin-1 (Ã©, â€™)";
  // The length is bounded, as std::regex is recursive.
  if (text.find_first_of("&<") != text.npos)
    for (size_t at = text.find_first_of("&<"); at != text.npos; at = text.find_first_of("&<", at + 1))
      if (const auto part = text.substr(at, 200);
          std::regex_search(part.begin(), part.end(), html, std::regex_constants::match_continuous))
        return "HTML (&amp;, <br>)";
  return "";
}

bool take_off_marks(std::string& caption) {
  std::string_view text = trimmed(caption);
  bool any = false;
  while (take_off_one(text)) {
    any = true;
    text = trimmed(text);
  }
  if (text.ends_with('.')) {  // a full stop may have been set behind the mark
    std::string_view before = trimmed(text.substr(0, text.size() - 1));
    if (take_off_one(before)) {
      caption = std::string(trimmed(before));
      take_off_marks(caption);
      return true;
    }
  }
  if (any) caption = std::string(text);
  return any;
}

}  // namespace attend
