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

}  // namespace attend
