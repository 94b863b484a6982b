#include "metrics/meteor_words.h"

#include <algorithm>

#include "text/unicode.h"

namespace attend {
namespace {

using Text = std::u32string;

bool is_digit(char32_t c) { return c >= '0' && c <= '9'; }
/// METEOR's letters: Latin, Cyrillic and phonetic ones.
bool is_letter(char32_t c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= 0xc0 && c <= 0x17e && c != 0xd7 && c != 0xf7) ||
         (c >= 0x400 && c <= 0x527) || (c >= 0x1d00 && c <= 0x1d7f);
}
bool is_word(char32_t c) { return is_letter(c) || is_digit(c); }
bool is_space(char32_t c) { return char_class(c) == CharClass::kSpace; }

/// Rewrites each `mark` that stands between two fitting characters. As in a regular expression that takes all three,
/// a neighbour serves one mark only: a-b-c is opened once.
template <class Before, class After>
void rewrite(Text& text, char32_t mark, const Text& replacement, Before before, After after) {
  if (text.find(mark) == Text::npos) return;
  Text out;
  size_t at = 0;
  while (at < text.size()) {
    if (at + 2 < text.size() && text[at + 1] == mark && before(text[at]) && after(text[at + 2])) {
      out += text[at];
      out += replacement;
      out += text[at + 2];
      at += 3;
    } else {
      out += text[at++];
    }
  }
  text = std::move(out);
}

/// Makes two of `mark` in a row one `joined`.
void join_pairs(Text& text, char32_t mark, char32_t joined) {
  size_t to = 0;
  for (size_t at = 0; at < text.size(); ++to) {
    const bool pair = text[at] == mark && at + 1 < text.size() && text[at + 1] == mark;
    text[to] = pair ? joined : text[at];
    at += pair ? 2 : 1;
  }
  text.resize(to);
}

char32_t plain_quote(char32_t c) {
  switch (c) {
    case '`':
    case 0x2018:
    case 0x2019:
      return '\'';
    case 0x201c:
    case 0x201d:
      return '"';
    default:
      return c;
  }
}

/// The text with a blank on either side, quotes made plain and symbols parted from words.
Text part_symbols(std::string_view bytes) {
  Text plain;
  for (size_t at = 0; at < bytes.size();) plain += plain_quote(next_code_point(bytes, at));
  join_pairs(plain, '\'', '"');
  join_pairs(plain, '-', '-');
  Text text = U" ";
  for (size_t at = 0; at < plain.size(); ++at) {
    const char32_t c = plain[at];
    if (is_word(c) || c == '\'' || c == ',' || c == '-') {
      text += c;
    } else if (c == '.') {  // several are one word
      const size_t end = std::min(plain.find_first_not_of(U'.', at), plain.size());
      const bool several = end - at > 1;
      if (several) text += ' ';
      text.append(plain, at, end - at);
      if (several) text += ' ';
      at = end - 1;
    } else if (is_space(c)) {
      text += ' ';
    } else {
      text += ' ';
      text += c == 0x2013 ? U'-' : c;
      text += ' ';
    }
  }
  return text += ' ';
}

void part_commas_and_apostrophes(Text& text) {
  const auto digit = [](char32_t c) { return is_digit(c); };
  const auto no_digit = [](char32_t c) { return !is_digit(c); };
  const auto letter = [](char32_t c) { return is_letter(c); };
  const auto no_letter = [](char32_t c) { return !is_letter(c); };
  const auto no_word = [](char32_t c) { return !is_word(c); };
  const auto is_s = [](char32_t c) { return c == 's'; };
  rewrite(text, ',', U" , ", no_digit, no_digit);
  rewrite(text, ',', U" , ", digit, no_digit);
  rewrite(text, ',', U" , ", no_digit, digit);
  rewrite(text, '\'', U" ' ", no_letter, no_letter);
  rewrite(text, '\'', U" ' ", no_word, letter);
  rewrite(text, '\'', U" ' ", letter, no_letter);
  rewrite(text, '\'', U" '", letter, letter);
  rewrite(text, '\'', U" '", digit, is_s);
}

std::vector<Text> split(const Text& text) {
  std::vector<Text> words;
  for (size_t at = 0; at < text.size();) {
    const size_t begin = std::min(text.find_first_not_of(U' ', at), text.size());
    const size_t end = std::min(text.find_first_of(U' ', begin), text.size());
    if (begin < end) words.push_back(text.substr(begin, end - begin));
    at = end;
  }
  return words;
}

bool is_dots(const Text& word) { return word.find_first_not_of(U'.') == Text::npos; }

/// Takes the full stops out of letters and digits with one behind the last and others between: u.s.a.-based.
void join_acronyms(Text& word) {
  for (size_t first = 0; first < word.size(); ++first) {
    const auto in_acronym = [](char32_t c) { return is_word(c) || c == '.'; };
    const size_t end = std::find_if_not(word.begin() + first, word.end(), in_acronym) - word.begin();
    const auto stops = std::count(word.begin() + first, word.begin() + end, U'.');
    if (stops > 1 && word[end - 1] == '.') {
      word.erase(std::remove(word.begin() + first, word.begin() + end, U'.'), word.begin() + end);
      first = end - stops;
    } else {
      first = end;
    }
  }
}

/// Whether the full stop that ends a word stays with it: the next word goes on in lower case, or the word is one of
/// the abbreviations that METEOR knows in lower case.
bool keeps_stop(const Text& word, const Text* next) {
  if (next && next->front() >= 'a' && next->front() <= 'z') return true;
  return word == U"v." || word == U"vs." || word == U"rev.";
}

void append(std::vector<std::string>& words, const Text& text) {
  auto& word = words.emplace_back();
  for (const char32_t c : text) append_utf8(word, c);
}

}  // namespace

std::vector<std::string> meteor_words(std::string_view bytes) {
  Text text = part_symbols(bytes);
  part_commas_and_apostrophes(text);
  std::vector<Text> words = split(text);
  Text joined;
  for (size_t i = 0; i < words.size(); ++i) {
    Text& word = words[i];
    if (!is_dots(word)) join_acronyms(word);
    if (word.size() > 1 && word.back() == '.' && !is_dots(word) &&
        !keeps_stop(word, i + 1 < words.size() ? &words[i + 1] : nullptr)) {
      word.back() = ' ';
      word += '.';
    }
    joined += word;
    joined += ' ';
  }
  const auto word_character = [](char32_t c) { return is_word(c); };
  rewrite(joined, '-', U" ", word_character, word_character);
  std::vector<std::string> made;
  for (const auto& word : split(joined)) append(made, word);
  return made;
}

}  // namespace attend
