#include "text/ptb_tokenizer.h"

#include <unordered_set>

#include "text/ptb_scanner.h"

namespace attend {

std::vector<std::string> ptb_tokenize(std::string_view line) { return ptb::Scanner(line).tokens(); }

bool is_dropped_punctuation(std::string_view token) {
  static const std::unordered_set<std::string_view> kDropped = {"''", "'", "``", "`",  ".",   "?", "!",
                                                                ",",  ":", "-",  "--", "...", ";"};
  return kDropped.contains(token);
}

std::vector<std::string> caption_tokens(std::string_view line) {
  auto tokens = ptb_tokenize(line);
  std::erase_if(tokens, is_dropped_punctuation);
  return tokens;
}

}  // namespace attend
