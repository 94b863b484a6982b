// What every metric reads: a candidate caption and the reference captions of the same picture, as tokens.
#pragma once

#include <numeric>
#include <string>
#include <vector>

namespace attend {

using Tokens = std::vector<std::string>;

/// One picture's candidate and its references (at least one), each from caption_tokens() of text/ptb_tokenizer.h.
struct CaptionPair {
  Tokens candidate;
  std::vector<Tokens> references;
};

/// A metric over a set of pictures.
struct Scores {
  double corpus = 0;             // mean over the pictures
  std::vector<double> pictures;  // in the order of the pairs
};

/// The mean of some figures; 0 of none.
inline double mean(const std::vector<double>& figures) {
  return figures.empty() ? 0
                         : std::accumulate(figures.begin(), figures.end(), 0.0) / static_cast<double>(figures.size());
}

}  // namespace attend
