// N-grams of a caption, as BLEU and CIDEr count them.
#pragma once

#include <array>
#include <string_view>
#include <utility>
#include <vector>

#include "metrics/caption_pair.h"

namespace attend {

constexpr int kMaxNgram = 4;

/// The n-grams of one to four words of a caption. An n-gram is its words joined by newlines, which no token holds.
class Ngrams {
 public:
  using Counts = std::vector<std::pair<std::string_view, int>>;  // n-gram and times, in alphabetical order

  explicit Ngrams(const Tokens& tokens);
  Ngrams(Ngrams&&) = default;  // a vector keeps its place when it moves, so the views stay good
  Ngrams(const Ngrams&) = delete;

  /// Those of n words, 1 <= n <= kMaxNgram.
  const Counts& of(int n) const { return counts_[n - 1]; }
  /// How often an n-gram of n words stands in the caption.
  int times(int n, std::string_view ngram) const;

 private:
  std::vector<char> text_;
  std::array<Counts, kMaxNgram> counts_;
};

}  // namespace attend
