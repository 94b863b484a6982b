#include "text/detokenize.h"

#include <unordered_set>

namespace attend {
namespace {

using Set = std::unordered_set<std::string_view>;

std::string_view plain(std::string_view token) {
  if (token == "-lrb-" || token == "-LRB-") return "(";
  if (token == "-rrb-" || token == "-RRB-") return ")";
  if (token == "-lsb-" || token == "-LSB-") return "[";
  if (token == "-rsb-" || token == "-RSB-") return "]";
  if (token == "-lcb-" || token == "-LCB-") return "{";
  if (token == "-rcb-" || token == "-RCB-") return "}";
  if (token == "``" || token == "''") return "\"";
  if (token == "`") return "'";
  return token;
}

}  // namespace

std::string detokenize(const std::vector<std::string>& words) {
  // Tokens that lean on the word before them, and those that lean on the word behind.
  static const Set kClosing = {".",  ",",  "?",   "!",   ":",   ";",   "...", "%",   ")",  "]",  "}",
                               "'s", "'m", "'d",  "'re", "'ve", "'ll", "n't", "'S",  "'M", "'D", "'RE",
                               "'VE", "'LL", "N'T"};
  static const Set kOpening = {"(", "[", "{", "$", "#", "y'"};
  std::string text;
  bool glue = true;             // the next token follows without a blank
  bool in_quotes = false;       // between " and "
  for (const auto& word : words) {
    const auto token = plain(word);
    if (token.empty()) continue;
    bool opens = kOpening.contains(token), closes = kClosing.contains(token);
    if (token == "\"") {
      opens = !in_quotes;
      closes = in_quotes;
      in_quotes = !in_quotes;
    } else if (word == "`") {
      opens = true;
    } else if (word == "'") {
      closes = true;
    }
    if (!glue && !closes) text += ' ';
    text += token;
    glue = opens;
  }
  return text;
}

}  // namespace attend
