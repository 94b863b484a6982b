#include "text/ptb_tokenizer.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <unordered_set>

#include "text/unicode.h"

namespace attend {
namespace {

using Set = std::unordered_set<std::string_view>;

// Stand-ins for character entities, in the private use area: they act like their character but keep their own spelling.
constexpr char32_t kEntityLess = 0xe000, kEntityGreater = 0xe001, kEntityLetter = 0xe002, kEntityPunctuation = 0xe003;

// A place behind the end of the line.
constexpr char32_t kEnd = 0xffffffff;

/// What stands between two letters of don't; and what people write for it.
bool is_apostrophe(char32_t c) { return c == '\'' || c == 0x92 || c == 0x2019; }
bool is_apostrophe_or_quote(char32_t c) {
  return is_apostrophe(c) || c == '`' || c == 0x91 || c == 0x2018 || c == 0x201b;
}
bool is_hyphen(char32_t c) { return c == '-' || c == '_' || c == 0x58a || c == 0x2010 || c == 0x2011; }
bool is_dash(char32_t c) { return c == 0x96 || c == 0x97 || (c >= 0x2013 && c <= 0x2015); }
bool is_ascii_upper(char32_t c) { return c >= 'A' && c <= 'Z'; }
bool is_ascii_letter(char32_t c) { return is_ascii_upper(c) || (c >= 'a' && c <= 'z'); }
bool is_ascii_digit(char32_t c) { return c >= '0' && c <= '9'; }
bool is_ascii_alnum(char32_t c) { return is_ascii_letter(c) || is_ascii_digit(c); }
bool is_one_of(char32_t c, std::string_view chars) {
  return c < 0x80 && chars.find(static_cast<char>(c)) != std::string_view::npos;
}

bool is_space(char32_t c) { return c != kEnd && char_class(c) == CharClass::kSpace; }
bool is_blank(char32_t c) { return is_space(c) && !(c >= '\n' && c <= '\r') && c != 0x2028 && c != 0x2029; }
bool is_digit(char32_t c) { return c != kEnd && char_class(c) == CharClass::kDigit; }
bool is_plain_letter(char32_t c) { return c != kEnd && char_class(c) == CharClass::kLetter; }
bool is_letter(char32_t c) {
  if (c == kEnd) return false;
  const auto kind = char_class(c);
  return kind == CharClass::kLetter || kind == CharClass::kMark || c == kEntityLetter;
}

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

/// A line as code points, each with the byte it begins at.
struct Line {
  explicit Line(std::string_view bytes) : source(bytes) {
    code.reserve(bytes.size());
    offset.reserve(bytes.size() + 1);
    for (size_t at = 0; at < bytes.size();) {
      offset.push_back(static_cast<uint32_t>(at));
      if (bytes[at] == '&' && entity(at)) continue;
      const char32_t c = next_code_point(bytes, at);
      code.push_back(c >= kEntityLess && c <= kEntityPunctuation ? 0xfffd : c);
    }
    offset.push_back(static_cast<uint32_t>(bytes.size()));
  }

  char32_t operator[](size_t i) const { return i < code.size() ? code[i] : kEnd; }
  size_t size() const { return code.size(); }

  std::string_view source;
  std::vector<char32_t> code;
  std::vector<uint32_t> offset;

 private:
  /// Takes the character entity at `at`, if one stands there.
  bool entity(size_t& at) {
    constexpr size_t kLongest = 12;
    const auto end = source.substr(at, kLongest).find(';');
    if (end == std::string_view::npos) return false;
    const auto name = source.substr(at + 1, end - 1);
    const char32_t c = entity_code(name);
    if (c == 0) return false;
    code.push_back(c);
    at += end + 1;
    return true;
  }

  static char32_t entity_code(std::string_view name) {
    std::string folded(name);
    for (auto& c : folded) c = static_cast<char>(to_lower(static_cast<unsigned char>(c)));
    if (folded == "amp") return '&';
    if (folded == "lt") return kEntityLess;
    if (folded == "gt") return kEntityGreater;
    if (folded == "quot") return '"';
    if (folded == "apos") return '\'';
    if (folded == "nbsp") return ' ';
    if (folded == "md" || folded == "mdash" || folded == "ndash") return 0x2014;
    static const Set kPunctuation = {"ht", "tl", "ur", "lr", "qc", "ql", "qr", "odq", "cdq"};
    if (kPunctuation.contains(folded)) return kEntityPunctuation;
    if (folded.size() > 1 && folded[0] == '#') {
      const bool digits = std::all_of(folded.begin() + 1, folded.end(), [](char c) { return c >= '0' && c <= '9'; });
      return digits ? kEntityPunctuation : 0;
    }
    static const Set kAccents = {"acute", "grave", "uml"};
    const bool accented = !folded.empty() && is_one_of(static_cast<unsigned char>(folded[0]), "aeiou") &&
                          kAccents.contains(std::string_view(folded).substr(1));
    return accented ? kEntityLetter : 0;
  }
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

  // --- Words ---

  /// Where cannot, gonna and the like come apart when one of them is [at_, end); 0 for other words.
  size_t split_word(size_t end) const {
    static constexpr std::array<std::pair<std::string_view, size_t>, 6> kSplit = {
        {{"cannot", 3}, {"gonna", 3}, {"gotta", 3}, {"lemme", 3}, {"gimme", 3}, {"wanna", 3}}};
    if (end - at_ < 5 || end - at_ > 6) return 0;
    for (const auto& [word, first] : kSplit) {
      if (word.size() == end - at_ && matches(at_, word)) return at_ + first;
    }
    return 0;
  }

  /// Letters and digits; a full stop, ! or ? with a letter on either side stands within a word.
  void words() {
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
  void stop_before_punctuation(size_t end) {
    if (line_[end] == '.' && (is_one_of(line_[end + 1], ",;:") || line_[end + 1] == 0x3001)) offer(end + 1, end + 2);
  }

  /// Words with an apostrophe inside that stay whole. `letters` ends the letters at at_.
  void contracted_words(size_t letters) {
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
  void apostrophes() {
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
  size_t elision(size_t at) const {
    const bool elided = is_one_of(line_[at], "dDoOlL") && is_apostrophe_or_quote(line_[at + 1]) &&
                        (is_plain_letter(line_[at + 2]) || is_digit(line_[at + 2])) &&
                        (is_plain_letter(line_[at + 3]) || is_digit(line_[at + 3]));
    return elided ? 2 : 0;
  }

  /// The end of single letters with full stops between them (and none behind) at `at`; `at` where there are none.
  size_t initials(size_t at) const {
    size_t end = at;
    if (!is_ascii_letter(line_[end])) return at;
    ++end;
    while (line_[end] == '.' && is_ascii_letter(line_[end + 1])) end += 2;
    return end - at > 1 ? end : at;
  }

  /// Words and numbers joined by hyphens, slashes or &.
  void compound() {
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
  size_t slash_part(size_t at) const {
    size_t end = skip_alnum(at);
    if (end == at) return at;
    for (int i = 0; i < 2 && line_[end] == '-' && is_ascii_letter(line_[end + 1]); ++i)
      end = skip(end + 1, is_ascii_letter);
    return end;
  }

  /// and/or, 1/2/3
  void slashes() {
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
  void file_name() {
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

  // --- Abbreviations ---

  /// Whether a sentence ends behind an abbreviation that ends at `at`: behind the blank a capital, a tag, another blank
  /// or nothing follows. Gives the end of what it looked at, or 0.
  size_t sentence_end(size_t at) const {
    if (at >= line_.size()) return at;
    if (!is_space(line_[at])) return 0;
    const char32_t next = line_[at + 1];
    if (is_space(next) || next == kEnd || to_lower(next) != next) return at + 2;
    if (next == '<') {
      if (const size_t end = tag_end(at + 1)) return end;
    }
    return 0;
  }

  /// Whether a word that seldom follows an acronym unless it begins a sentence stands behind the blank at `at`.
  size_t sentence_starter(size_t at) const {
    static const Set kStarters = {"a",    "about",   "according", "additionally", "after", "an",      "as",   "at",
                                  "but",  "earlier", "he",        "her",          "here",  "however", "if",   "in",
                                  "it",   "last",    "many",      "more",         "mr.",   "ms.",     "now",  "once",
                                  "one",  "other",   "our",       "she",          "since", "so",      "some", "such",
                                  "that", "the",     "their",     "then",         "there", "these",   "they", "this",
                                  "we",   "what",    "when",      "while",        "yet",   "you"};
    const size_t word = skip_blanks(at);
    if (word == at) return 0;
    if (line_[word] == '<') return tag_end(word);
    if (!is_ascii_upper(line_[word])) return 0;
    size_t end = skip(word, is_ascii_letter);
    if (line_[end] == '.') ++end;
    if (end - word > 14 || !blank_or_end(end)) return 0;
    return kStarters.contains(folded(word, end)) ? end + 1 : 0;
  }

  void abbreviations() {
    // A sentence may end with one of these ...
    static const Set kMayEnd = {"jan",  "feb",   "mar",  "apr",  "jun",  "jul",  "aug", "sep",   "sept",    "oct",
                                "nov",  "dec",   "mon",  "tue",  "tues", "wed",  "thu", "thurs", "fri",     "ala",
                                "ariz", "calif", "colo", "conn", "ct",   "dak",  "fla", "ga",    "kan",     "kans",
                                "ky",   "md",    "mich", "minn", "mo",   "mont", "neb", "nev",   "okla",    "penn",
                                "tenn", "va",    "vt",   "wis",  "wisc", "wyo",  "inc", "co",    "cos",     "corp",
                                "pty",  "ptys",  "pte",  "ptes", "ppty", "ppte", "ltd", "plc",   "bancorp", "bhd",
                                "assn", "univ",  "intl", "sys",  "tel",  "est",  "ext", "sq",    "jr",      "sr",
                                "bros", "blvd",  "rd",   "esq",  "etc",  "al",   "seq", "bldg",  "rt"};
    // ... or, with a capital, one of these; the small words are words of their own.
    static const Set kMayEndCapital = {"Ark",  "Az",   "Del", "Ill", "Ind", "La",
                                       "Mass", "Miss", "Ore", "Pa",  "Tex", "Wash"};
    // A name follows these.
    static const Set kInside = {"mr",    "mrs",  "ms",    "dr",    "drs",   "prof",  "profs",  "sen",  "sens",  "rep",
                                "reps",  "atty", "attys", "lt",    "col",   "gen",   "messrs", "gov",  "govs",  "adm",
                                "rev",   "maj",  "sgt",   "cpl",   "pvt",   "capt",  "st",     "ste",  "ave",   "pres",
                                "lieut", "hon",  "brig",  "comdr", "cmdr",  "pfc",   "spc",    "supt", "supts", "det",
                                "mt",    "ft",   "adj",   "adv",   "asst",  "assoc", "ens",    "insp", "mlle",  "mme",
                                "msgr",  "sfc",  "invt",  "elec",  "natl",  "mfg",   "mtg",    "dept", "vs",    "alex",
                                "wm",    "jos",  "cie",   "cf",    "treas", "ph"};
    // A number follows these.
    static const Set kBeforeNumber = {"ca", "fig", "figs", "prop", "no", "nos", "art", "pp", "op"};
    constexpr size_t kLongest = 7;

    acronyms();
    const size_t end = skip(at_, is_ascii_letter);
    const size_t stop = end + 1;
    if (end - at_ > kLongest || line_[end] != '.') return;
    const auto word = folded(at_, end);
    std::string cased;
    for (size_t i = at_; i < end; ++i) cased += static_cast<char>(line_[i]);
    if (kMayEnd.contains(word) || kMayEndCapital.contains(cased)) may_end_sentence(stop);
    if (kInside.contains(word)) offer(stop);
    if (word.size() == 1) {  // an initial, unless a sentence begins behind it
      if (const size_t reach = sentence_starter(stop)) offer(end, reach);
      offer(stop);
    }
    if (kBeforeNumber.contains(word)) {
      const size_t number = stop + is_space(line_[stop]);
      if (is_digit(line_[number])) offer(stop, number + 1);
    }
    // Co. Ltd. is one company and no end of a sentence.
    if ((word == "co" || word == "pty" || word == "pte") && is_blank(line_[stop]) &&
        (matches(stop + 1, "ltd") || matches(stop + 1, "lim"))) {
      offer(stop, stop + 4);
    }
  }

  /// An abbreviation that ends at `stop`, whose full stop may be the sentence's as well.
  void may_end_sentence(size_t stop) {
    if (const size_t reach = sentence_end(stop)) offer(stop, reach, Form::kTwo);
    offer(stop, std::min(stop + 2, line_.size()));
  }

  void acronyms() {
    const size_t end = initials(at_);
    if (end > at_ && line_[end] == '.') {
      const size_t stop = end + 1;
      if (const size_t reach = sentence_starter(stop)) offer(stop, reach, Form::kTwo);
      // The line that follows most often begins with one of the starters.
      if (stop == line_.size()) offer(stop, stop, Form::kTwo);
      offer(stop);
    }
    for (const std::string_view compound : {"ed.d.", "ph.d.", "et.al."}) {
      if (matches(at_, compound)) may_end_sentence(at_ + compound.size());
    }
  }

  // --- Tags, addresses, names ---

  /// The end of an SGML tag at `at`, or 0.
  size_t tag_end(size_t at) const {
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

  void tag() {
    if (const size_t end = tag_end(at_)) offer(end, end, Form::kRaw);
  }

  static bool ends_address(char32_t c) {
    return c == kEnd || is_one_of(c, " \t\n\f\r\"<>|(){}") || c == 0xa0 || c == kEntityLess || c == kEntityGreater;
  }

  void email() {
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
  size_t path_end(size_t at, std::string_view never) const {
    size_t end = skip(at, [&](char32_t c) { return !is_space(c) && !is_one_of(c, never); });
    while (end > at && is_one_of(line_[end - 1], ".!?(){},-")) --end;
    return end > at + 1 ? end : at;
  }

  void full_url() {
    size_t at = at_;
    if (!matches(at, "http")) return;
    at += 4;
    if (is_one_of(line_[at], "sS")) ++at;
    if (!matches(at, "://")) return;
    const size_t end = path_end(at + 3, "\"<>|(){}");
    if (end > at + 3) offer(end, end, Form::kRaw);
  }

  void offer_url(size_t end) {
    if (line_[end] == '/') {
      const size_t path = path_end(end + 1, "\"<>|()");
      if (path > end + 1) end = path;
    }
    offer(end, end, Form::kRaw);
  }

  /// www.name.xx and name.com, .net, .org, .edu
  void likely_url() {
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
  void handles() {
    const bool at_sign = line_[at_] == '@' || line_[at_] == 0xff20;
    const size_t end =
        at_sign ? skip(at_ + 1, [](char32_t c) { return is_ascii_alnum(c) || c == '_'; }) : skip(at_ + 1, is_letter);
    if (end > at_ + 1 && !(at_sign && is_ascii_digit(line_[at_ + 1]))) offer(end);
    const char32_t sign = line_[at_];
    const size_t run = skip(at_, [&](char32_t c) { return c == sign; });
    if (run - at_ > 1) offer(run);
  }

  // --- Numbers ---

  /// The end of at most `most` digits at `at` when there are at least `least`, else 0.
  size_t digits(size_t at, size_t least, size_t most) const {
    size_t end = at;
    while (end - at < most && is_digit(line_[end])) ++end;
    return end - at >= least ? end : 0;
  }

  void numbers() {
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
  void date() {
    for (const size_t first : {digits(at_, 1, 1), digits(at_, 2, 2)}) {
      if (first == 0 || !is_one_of(line_[first], "-/")) continue;
      for (const size_t second : {digits(first + 1, 1, 1), digits(first + 1, 2, 2)}) {
        if (second == 0 || !is_one_of(line_[second], "-/")) continue;
        if (const size_t end = digits(second + 1, 2, 4)) offer(end);
      }
    }
  }

  /// 1/2, 3 1/2
  void fraction() {
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

  void superscripts() {
    const auto superscript = [](char32_t c) {
      return c == 0x2070 || c == 0xb9 || c == 0xb2 || c == 0xb3 || (c >= 0x2074 && c <= 0x2079);
    };
    const auto subscript = [](char32_t c) { return c >= 0x2080 && c <= 0x2089; };
    const char32_t c = line_[at_];
    const size_t start = at_ + (c == 0x207a || c == 0x207b || c == 0x208a || c == 0x208b);
    const size_t end = std::max(skip(start, superscript), skip(start, subscript));
    if (end > start) offer(end);
  }

  size_t ascii_digits(size_t at, size_t count) const {
    for (size_t i = 0; i < count; ++i) {
      if (!is_ascii_digit(line_[at + i])) return 0;
    }
    return at + count;
  }

  /// Telephone numbers, their parts held together by hyphens, blanks or full stops.
  void phone() {
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
  void phone_tail(size_t at) {
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

  void dotted_tail(size_t at) {
    for (size_t n = 3; n <= 4; ++n) {
      const size_t first = ascii_digits(at, n);
      if (first == 0) return;
      for (size_t m = 3; m <= 5 && line_[first] == '.'; ++m) {
        if (const size_t end = ascii_digits(first + 1, m)) offer(end);
      }
    }
  }

  // --- Punctuation ---

  void smileys() {
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
  size_t spaced_dots(size_t at) const {
    const auto gap = [&](size_t i) { return line_[i] == ' ' || line_[i] == 0xa0; };
    size_t end = at + 1;
    while (end < at + 7 && gap(end) && line_[end + 1] == '.') end += 2;
    return end >= at + 5 ? end : 0;
  }

  void run_of(std::string_view chars, size_t least, Form form) {
    const size_t end = skip(at_, [&](char32_t c) { return is_one_of(c, chars); });
    if (end - at_ >= least) offer(end, end, form);
  }

  /// What a grave accent or a typographic quote is written as; nothing for other characters.
  static std::string_view quote_text(char32_t c) {
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

  void quotes(char32_t c) {
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

  void punctuation(char32_t c) {
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

  // --- Writing tokens ---

  void emit() {
    if (best_.form == Form::kTwo) {
      push(at_, best_.end, Form::kPlain);
      tokens_.emplace_back(".");
    } else if (best_.form != Form::kNothing) {
      push(at_, best_.end, best_.form);
    }
    at_ = best_.end;
  }

  void push(size_t from, size_t to, Form form) {
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
  static bool write_symbol(std::string& token, char32_t c) {
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

  void write(std::string& token, char32_t c, size_t i) const {
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

  std::string folded_source(size_t i) const {
    std::string text(line_.source.substr(line_.offset[i], line_.offset[i + 1] - line_.offset[i]));
    for (auto& c : text) c = static_cast<char>(to_lower(static_cast<unsigned char>(c)));
    return text;
  }

  static void append_lower(std::string& token, char32_t c) {
    if (is_space(c)) c = 0xa0;         // a blank within a token doesn't part it
    if (c < ' ' || c == 0x7f) return;  // control characters
    append_utf8(token, c == 0x130 ? U'i' : to_lower(c));
    if (c == 0x130) append_utf8(token, 0x307);  // a capital dotted i becomes i and a dot
  }

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

}  // namespace

std::vector<std::string> ptb_tokenize(std::string_view line) { return Scanner(line).tokens(); }

bool is_dropped_punctuation(std::string_view token) {
  static const Set kDropped = {"''", "'", "``", "`", ".", "?", "!", ",", ":", "-", "--", "...", ";"};
  return kDropped.contains(token);
}

std::vector<std::string> caption_tokens(std::string_view line) {
  auto tokens = ptb_tokenize(line);
  std::erase_if(tokens, is_dropped_punctuation);
  return tokens;
}

}  // namespace attend
