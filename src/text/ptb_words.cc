// Words, contractions and what is joined by hyphens, slashes or &.
#include <array>
#include <unordered_set>

#include "text/ptb_scanner.h"

namespace attend::ptb {

using Set = std::unordered_set<std::string_view>;

/// Where cannot, gonna and the like come apart when one of them is [at_, end); 0 for other words.
size_t Scanner::split_word(size_t end) const {
  static constexpr std::array<std::pair<std::string_view, size_t>, 6> kSplit = {
      {{"cannot", 3}, {"gonna", 3}, {"gotta", 3}, {"lemme", 3}, {"gimme", 3}, {"wanna", 3}}};
  if (end - at_ < 5 || end - at_ > 6) return 0;
  for (const auto& [word, first] : kSplit) {
    if (word.size() == end - at_ && matches(at_, word)) return at_ + first;
  }
  return 0;
}

/// Letters and digits; a full stop, ! or ? with a letter on either side stands within a word.
void Scanner::words() {
  size_t end = skip_word(at_);
  if (const size_t split = split_word(end)) offer(split, end);
  const size_t letters = skip(at_, is_plain_letter);
  // n't takes the n away from its verb.
  if (letters - at_ > 1 && is_one_of(line_[letters - 1], "nN") && is_apostrophe_or_quote(line_[letters]) &&
      is_one_of(line_[letters + 1], "tT") && !is_one_of(line_[letters - 2], "nN") &&
      skip(at_, is_ascii_letter) == letters) {
    offer(letters - 1, letters + 2);
  }
  while (is_one_of(line_[end], ".!?") && is_letter(line_[end + 1])) end = skip_word(end + 1);
  if (const size_t length = clitic(end)) offer(end, end + length);
  offer(end);
  stop_before_punctuation(end);
  contracted_words(letters);
}

/// A full stop between a word and a comma, colon or semicolon belongs to the word: an abbreviation.
void Scanner::stop_before_punctuation(size_t end) {
  if (line_[end] == '.' && (is_one_of(line_[end + 1], ",;:") || line_[end + 1] == 0x3001)) offer(end + 1, end + 2);
}

/// Words with an apostrophe inside that stay whole. `letters` ends the letters at at_.
void Scanner::contracted_words(size_t letters) {
  const char32_t mark = line_[letters];
  if (!is_apostrophe_or_quote(mark)) return;
  const size_t length = letters - at_;
  const size_t rest = skip(letters + 1, is_plain_letter);
  if (is_apostrophe(mark)) {
    static const Set kOpenEnded = {"dunkin", "somethin", "ol"};
    if (kOpenEnded.contains(folded(at_, letters))) offer(letters + 1);
    if (length == 1 && is_one_of(line_[at_], "lLdDjJ")) offer(letters + 1);
    if (length == 1 && is_one_of(line_[at_], "yY") && rest > letters + 1) offer(letters + 1, letters + 2);
    static const std::array<std::string_view, 9> kWhole = {"cont'd.", "cont'd", "nor'easter", "c'mon", "e'er",
                                                           "s'mores", "ev'ry",  "li'l",       "nat'l"};
    for (const auto word : kWhole) {
      const size_t before = word.find('\'');
      if (before == length && matches(at_, word.substr(0, before)) && matches(letters + 1, word.substr(before + 1))) {
        offer(at_ + word.size());
      }
    }
    if (length == 1 && matches(at_, "c") && matches(letters + 1, "est")) offer(letters + 4);
    if (length == 3 && matches(at_, "cap") && matches(letters + 1, "n")) offer(letters + 2);
  }
  if (length == 1 && matches(at_, "n") && matches(letters + 1, "t")) offer(letters + 2, letters + 2, Form::kClitic);
  const bool initial = is_ascii_upper(line_[at_]) && line_[at_] != 'I' && line_[at_] != 'Y';
  if (length == 1 && (initial || line_[at_] == 'n') && rest - letters > 2) offer(rest);
  const bool vowels = is_one_of(line_[letters - 1], "aeiouyAEIOUY") &&
                      (is_one_of(line_[letters + 1], "aeiou") || is_ascii_upper(line_[letters + 1]));
  if (length > 1 && vowels) offer(rest);
  if (length == 1 && is_one_of(line_[at_], "oO") && is_one_of(line_[letters + 1], "oO")) offer(letters + 2);
}

/// What begins with an apostrophe.
void Scanner::apostrophes() {
  if (!is_apostrophe(line_[at_])) return;
  const size_t next = at_ + 1;
  if (line_[at_] == '\'' && is_one_of(line_[next], "tT") && (matches(next + 1, "is") || matches(next + 1, "was"))) {
    offer(next + 1, next + (matches(next + 1, "is") ? 3 : 4));  // 't is
  }
  if (const size_t length = clitic(at_)) {
    const char32_t after = line_[at_ + length];
    if (!is_ascii_letter(after)) offer(at_ + length, at_ + length + 1, Form::kClitic);
  }
  if (matches(next, "n")) offer(next + (is_apostrophe(line_[next + 1]) ? 2 : 1));
  for (const std::string_view word : {"em", "till", "til", "cause"}) {
    if (matches(next, word)) offer(next + word.size());
  }
  if (line_[next] >= '2' && line_[next] <= '9' && matches(next + 1, "0s")) offer(next + 3);
  if (is_ascii_digit(line_[next]) && is_ascii_digit(line_[next + 1]) && blank_or_end(next + 2)) {
    offer(next + 2, next + 3);
  }
}

/// Length of d', o' or l' before a word at `at`, else 0.
size_t Scanner::elision(size_t at) const {
  const bool elided = is_one_of(line_[at], "dDoOlL") && is_apostrophe_or_quote(line_[at + 1]) &&
                      (is_plain_letter(line_[at + 2]) || is_digit(line_[at + 2])) &&
                      (is_plain_letter(line_[at + 3]) || is_digit(line_[at + 3]));
  return elided ? 2 : 0;
}

/// The end of single letters with full stops between them (and none behind) at `at`; `at` where there are none.
size_t Scanner::initials(size_t at) const {
  size_t end = at;
  if (!is_ascii_letter(line_[end])) return at;
  ++end;
  while (line_[end] == '.' && is_ascii_letter(line_[end + 1])) end += 2;
  return end - at > 1 ? end : at;
}

/// Words and numbers joined by hyphens, slashes or &.
void Scanner::compound() {
  const auto joined = [](char32_t c) { return is_plain_letter(c) || is_digit(c); };
  if (joined(line_[at_])) {
    size_t end = skip(at_ + elision(at_), joined);
    while (is_hyphen(line_[end])) {
      const size_t part = end + 1 + elision(end + 1);
      const size_t part_end = skip(part, joined);
      if (part_end == part) break;
      end = part_end;
    }
    offer(end);
    stop_before_punctuation(end);
  }
  if (!is_ascii_alnum(line_[at_])) return;

  const size_t upper = skip(at_, is_ascii_upper);
  if (upper > at_) {  // AT&T, A+B
    size_t end = upper;
    while ((line_[end] == '&' || line_[end] == '+') && is_ascii_upper(line_[end + 1]))
      end = skip(end + 1, is_ascii_upper);
    if (end > upper) offer(end);
  }
  slashes();

  // 2,000-foot, U.S.-based
  size_t end = comma_run_.end_from(at_, [&](size_t at) {
    return skip(at, [](char32_t c) { return is_ascii_alnum(c) || c == '.' || c == ',' || c == 0xad; });
  });
  bool hyphenated = false;
  while (line_[end] == '-') {
    const size_t acronym = initials(end + 1);
    size_t part = skip(end + 1, [](char32_t c) { return is_ascii_alnum(c) || c == 0xad; });
    if (acronym > end + 1 && line_[acronym] == '.')
      part = acronym + 1;
    else if (acronym > end + 4)
      part = acronym - 1;  // the last letter belongs to what follows
    if (part == end + 1) break;
    end = part;
    hyphenated = true;
  }
  if (hyphenated) {
    offer(end);
    stop_before_punctuation(end);
  }
  file_name();
}

/// One side of a slash: letters and digits, then at most two hyphens with letters.
size_t Scanner::slash_part(size_t at) const {
  size_t end = skip_alnum(at);
  if (end == at) return at;
  for (int i = 0; i < 2 && line_[end] == '-' && is_ascii_letter(line_[end + 1]); ++i)
    end = skip(end + 1, is_ascii_letter);
  return end;
}

/// and/or, 1/2/3
void Scanner::slashes() {
  const size_t first = slash_part(at_);
  size_t end = first;
  for (int i = 0; i < 2; ++i) {
    const size_t slash = line_[end] == '\\' ? end + 1 : end;
    const size_t part = line_[slash] == '/' ? slash_part(slash + 1) : slash + 1;
    if (part == slash + 1) break;
    end = part;
  }
  if (end > first) offer(end);
}

/// Names of files with a known extension.
void Scanner::file_name() {
  static const Set kExtensions = {"bat", "bmp", "c",   "class", "cgi", "cpp",  "dll", "doc",  "docx",
                                  "exe", "gif", "gz",  "h",     "htm", "html", "jar", "java", "jpeg",
                                  "jpg", "mov", "mp3", "pdf",   "php", "pl",   "png", "ppt",  "ps",
                                  "py",  "sql", "tar", "txt",   "wav", "x",    "xml", "zip"};
  // Where the last known extension of the run of words and full stops ends; 0 without one.
  if (at_ >= file_run_end_) {
    file_run_end_ = at_;
    file_extension_ = file_end_ = 0;
    for (size_t part = at_;;) {
      const size_t end = skip_word(part);
      if (end == part) break;
      if (part > at_ && end - part <= 5 && kExtensions.contains(folded(part, end))) {
        file_extension_ = part;
        file_end_ = end;
      }
      file_run_end_ = end;
      if (line_[end] != '.') break;
      part = end + 1;
    }
  }
  const bool ends = blank_or_end(file_end_) || is_one_of(line_[file_end_], ".?!,");
  if (file_end_ > 0 && at_ + 1 < file_extension_ && ends) offer(file_end_, file_end_ + 1);
}

}  // namespace attend::ptb
