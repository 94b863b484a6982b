#include "text/word_families.h"

#include <libstemmer.h>

#include <algorithm>
#include <cctype>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "base/error.h"

namespace attend {
namespace {

const std::unordered_set<std::string_view> kFunctionWords = {
    "a",       "an",      "the",      "this",       "that",    "these",   "those",   "some",       "any",    "each",
    "every",   "both",    "all",      "no",         "not",     "other",   "another", "one",        "two",    "three",
    "four",    "five",    "six",      "seven",      "eight",   "nine",    "ten",     "about",      "above",  "across",
    "after",   "against", "along",    "alongside",  "among",   "amongst", "around",  "as",         "at",     "away",
    "back",    "before",  "behind",   "below",      "beneath", "beside",  "besides", "between",    "beyond", "by",
    "down",    "during",  "for",      "from",       "front",   "in",      "inside",  "into",       "like",   "near",
    "next",    "of",      "off",      "on",         "onto",    "out",     "outside", "over",       "past",   "side",
    "through", "to",      "together", "top",        "toward",  "towards", "under",   "underneath", "up",     "upon",
    "with",    "within",  "without",  "and",        "but",     "or",      "nor",     "so",         "than",   "then",
    "there",   "here",    "where",    "when",       "while",   "which",   "who",     "whose",      "what",   "if",
    "it",      "its",     "he",       "him",        "his",     "she",     "her",     "hers",       "they",   "them",
    "their",   "theirs",  "we",       "us",         "our",     "you",     "your",    "i",          "me",     "my",
    "himself", "herself", "itself",   "themselves", "be",      "is",      "are",     "was",        "were",   "being",
    "been",    "am",      "do",       "does",       "did",     "has",     "have",    "had",        "having", "can",
    "will",    "would",   "very"};

/// Irregular forms, and the word that each is a form of.
const std::unordered_map<std::string_view, std::string_view> kBaseOf = {
    {"ate", "eat"},       {"began", "begin"},   {"begun", "begin"},    {"bent", "bend"},     {"bitten", "bite"},
    {"blew", "blow"},     {"blown", "blow"},    {"bought", "buy"},     {"broke", "break"},   {"broken", "break"},
    {"brought", "bring"}, {"built", "build"},   {"burnt", "burn"},     {"buses", "bus"},     {"calves", "calf"},
    {"came", "come"},     {"caught", "catch"},  {"children", "child"}, {"chose", "choose"},  {"chosen", "choose"},
    {"drank", "drink"},   {"drawn", "draw"},    {"drew", "draw"},      {"driven", "drive"},  {"drove", "drive"},
    {"drunk", "drink"},   {"dug", "dig"},       {"eaten", "eat"},      {"elves", "elf"},     {"fallen", "fall"},
    {"fed", "feed"},      {"feet", "foot"},     {"fell", "fall"},      {"flew", "fly"},      {"flown", "fly"},
    {"fought", "fight"},  {"froze", "freeze"},  {"frozen", "freeze"},  {"gave", "give"},     {"geese", "goose"},
    {"given", "give"},    {"gone", "go"},       {"grew", "grow"},      {"grown", "grow"},    {"halves", "half"},
    {"heard", "hear"},    {"held", "hold"},     {"hid", "hide"},       {"hidden", "hide"},   {"hooves", "hoof"},
    {"hung", "hang"},     {"kept", "keep"},     {"knelt", "kneel"},    {"knew", "know"},     {"knives", "knife"},
    {"known", "know"},    {"lain", "lie"},      {"leapt", "leap"},     {"leaves", "leaf"},   {"led", "lead"},
    {"lit", "light"},     {"loaves", "loaf"},   {"lost", "lose"},      {"made", "make"},     {"men", "man"},
    {"met", "meet"},      {"mice", "mouse"},    {"oxen", "ox"},        {"paid", "pay"},      {"people", "person"},
    {"ran", "run"},       {"rang", "ring"},     {"ridden", "ride"},    {"risen", "rise"},    {"rode", "ride"},
    {"said", "say"},      {"sang", "sing"},     {"sat", "sit"},        {"scarves", "scarf"}, {"seen", "see"},
    {"sent", "send"},     {"shaken", "shake"},  {"shelves", "shelf"},  {"shook", "shake"},   {"shone", "shine"},
    {"shot", "shoot"},    {"shown", "show"},    {"slept", "sleep"},    {"slid", "slide"},    {"sold", "sell"},
    {"spoke", "speak"},   {"spoken", "speak"},  {"spun", "spin"},      {"stole", "steal"},   {"stolen", "steal"},
    {"stood", "stand"},   {"struck", "strike"}, {"stuck", "stick"},    {"sung", "sing"},     {"swam", "swim"},
    {"swept", "sweep"},   {"swum", "swim"},     {"swung", "swing"},    {"taken", "take"},    {"taught", "teach"},
    {"teeth", "tooth"},   {"thieves", "thief"}, {"threw", "throw"},    {"thrown", "throw"},  {"told", "tell"},
    {"took", "take"},     {"tore", "tear"},     {"torn", "tear"},      {"went", "go"},       {"wives", "wife"},
    {"woke", "wake"},     {"wolves", "wolf"},   {"women", "woman"},    {"won", "win"},       {"wore", "wear"},
    {"worn", "wear"},     {"wove", "weave"},    {"woven", "weave"},    {"written", "write"}, {"wrote", "write"}};

bool is_content_word(const std::string& word) {
  if (word.front() == '<' || kFunctionWords.contains(word)) return false;
  return std::any_of(word.begin(), word.end(), [](unsigned char c) { return c >= 0x80 || std::isalpha(c); });
}

}  // namespace

std::vector<int32_t> word_families(const std::vector<std::string>& words) {
  const std::unique_ptr<sb_stemmer, void (*)(sb_stemmer*)> stemmer(sb_stemmer_new("english", "UTF_8"),
                                                                   sb_stemmer_delete);
  if (!stemmer) throw Error("libstemmer has no English stemmer");
  std::unordered_map<std::string, int32_t> numbers;
  std::vector<int32_t> families;
  families.reserve(words.size());
  for (const auto& word : words) {
    if (!is_content_word(word)) {
      families.push_back(-1);
      continue;
    }
    const auto* stem =
        sb_stemmer_stem(stemmer.get(), reinterpret_cast<const sb_symbol*>(word.data()), static_cast<int>(word.size()));
    if (!stem) throw Error("libstemmer: out of memory");
    const std::string text(reinterpret_cast<const char*>(stem), static_cast<size_t>(sb_stemmer_length(stemmer.get())));
    families.push_back(numbers.emplace(text, static_cast<int32_t>(numbers.size())).first->second);
  }
  return families;
}

std::vector<int32_t> word_forms(const std::vector<std::string>& words) {
  std::vector<std::string> bases;
  for (const auto& word : words) {
    const auto base = kBaseOf.find(word);
    bases.push_back(base == kBaseOf.end() ? word : std::string(base->second));
  }
  std::vector<int32_t> forms = word_families(bases);
  const int32_t next = forms.empty() ? 0 : *std::max_element(forms.begin(), forms.end()) + 1;
  std::unordered_map<std::string_view, int32_t> alone;
  for (size_t i = 0; i < forms.size(); ++i)
    if (forms[i] < 0) forms[i] = alone.emplace(words[i], next + static_cast<int32_t>(alone.size())).first->second;
  return forms;
}

}  // namespace attend
