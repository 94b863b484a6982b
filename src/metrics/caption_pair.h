// What every metric reads: a candidate caption and the reference captions of the same picture, as tokens.
#pragma once

#include <cstdint>
#include <numeric>
#include <span>
#include <string>
#include <vector>

namespace attend {

using Tokens = std::vector<std::string>;

/// One picture's candidate and its references (at least one), each from caption_tokens() of text/ptb_tokenizer.h.
struct CaptionPair {
  Tokens candidate;
  std::vector<Tokens> references;
};

/// Captions in plain text as tokens.
CaptionPair tokenize_pair(const std::string& candidate, const std::vector<std::string>& references);

/// Whether the candidate is, token for token, one of its references.
bool is_exact(const CaptionPair& pair);

/// What candidates are made of; all zero of none.
struct WordUse {
  double mean_length = 0;        // words a caption
  double distinct_captions = 0;  // different captions / captions
  int64_t distinct_words = 0;    // different words used
};
WordUse word_use(std::span<const CaptionPair> pairs);

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
