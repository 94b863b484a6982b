// Abbreviations, and whether a sentence ends with one.
#include <algorithm>
#include <unordered_set>

#include "text/ptb_scanner.h"

namespace attend::ptb {

using Set = std::unordered_set<std::string_view>;

/// Whether a sentence ends behind an abbreviation that ends at `at`: behind the blank a capital, a tag, another blank
/// or nothing follows. Gives the end of what it looked at, or 0.
size_t Scanner::sentence_end(size_t at) const {
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
size_t Scanner::sentence_starter(size_t at) const {
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

void Scanner::abbreviations() {
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
void Scanner::may_end_sentence(size_t stop) {
  if (const size_t reach = sentence_end(stop)) offer(stop, reach, Form::kTwo);
  offer(stop, std::min(stop + 2, line_.size()));
}

void Scanner::acronyms() {
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

}  // namespace attend::ptb
