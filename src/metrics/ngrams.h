// N-grams of a caption, as BLEU and CIDEr count them.
#pragma once

#include <array>
#include <string>
#include <unordered_map>

#include "metrics/caption_pair.h"

namespace attend {

constexpr int kMaxNgram = 4;

/// counts[n - 1] maps each n-gram, its words joined by newlines (which no token of a line holds), to its count.
using NgramCounts = std::array<std::unordered_map<std::string, int>, kMaxNgram>;

/// All n-grams of one to four words.
NgramCounts count_ngrams(const Tokens& tokens);

}  // namespace attend
