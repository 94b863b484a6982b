#include "text/detokenize.h"

#include <array>
#include <unordered_set>
#include <utility>

namespace attend {
namespace {

using Set = std::unordered_set<std::string_view>;

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
}

/// The characters that a token stands for.
std::string spelled_out(std::string token) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kNames = {{{"-lrb-", "("},
                                                                                           {"-rrb-", ")"},
                                                                                           {"-lsb-", "["},
                                                                                           {"-rsb-", "]"},
                                                                                           {"-lcb-", "{"},
                                                                                           {"-rcb-", "}"},
                                                                                           {"\u00a0", " "}}};
  for (const auto& [name, character] : kNames) replace_all(token, name, character);
  if (token == "``" || token == "''") return "\"";
  if (token == "`") return "'";
  return token;
}

/// Whether the tokenizer took these two apart where people write one word.
bool is_split_word(std::string_view first, std::string_view second) {
  static const std::unordered_set<std::string> kSplit = {"gon na", "got ta", "lem me", "gim me",
                                                         "wan na", "'t is",  "'t was"};
  return kSplit.contains(std::string(first) + " " + std::string(second));
}

}  // namespace

std::string detokenize(const std::vector<std::string>& words) {
  // Tokens that lean on the word before them, and tokens that the next word leans on.
  static const Set kClosing = {".", ",", "?",  "!",  ":",  ";",   "...", "%",   ")",  "]",
                               "}", "'", "'s", "'m", "'d", "'re", "'ve", "'ll", "n't"};
  static const Set kOpening = {"(", "[", "{", "$", "#", "`", "y'"};
  std::string text;
  std::string_view previous;
  bool joined = true;      // the next token follows without a blank
  bool in_quotes = false;  // after a " that opened
  for (const auto& word : words) {
    const auto token = spelled_out(word);
    if (token.empty()) continue;
    // `` and '' don't tell opening from closing where blanks stand on both sides in the source, so they take turns.
    const bool quote = token == "\"";
    const bool closes = quote ? in_quotes : word != "`" && kClosing.contains(token);
    const bool opens = quote ? !in_quotes : kOpening.contains(word) || kOpening.contains(token);
    if (quote) in_quotes = !in_quotes;
    if (!joined && !closes && !is_split_word(previous, word)) text += ' ';
    text += token;
    joined = opens;
    previous = word;
  }
  return text;
}

}  // namespace attend
