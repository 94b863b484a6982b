// METEOR's alignment of two captions: which words and phrases of one stand for which of the other.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace attend {

/// METEOR's matchers, in its order; the value is the index of the matcher's weight.
enum class MeteorMatcher : uint8_t { kExact, kStem, kSynonym, kParaphrase };
constexpr int kMeteorMatchers = 4;
constexpr std::array<double, kMeteorMatchers> kMeteorWeights = {1, 0.6, 0.8, 0.6};

/// A word or a phrase of the candidate that matches one of the reference.
struct MeteorMatch {
  MeteorMatcher matcher;
  uint32_t candidate, candidate_length;  // first word, words
  uint32_t reference, reference_length;
};

/// A set of matches that share no word.
struct MeteorAlignment {
  std::vector<MeteorMatch> matches;  // from left to right in the candidate
  int chunks = 0;                    // runs of matches that are side by side and in the same order in both captions
};

/// Picks matches as METEOR 1.5 does (Denkowski and Lavie, "Meteor 1.3", 2011, section 2: cover most words, in fewest
/// chunks, by a beam search from left to right). `matches` are all there are, ordered by where they begin in the
/// candidate, then by matcher, then by where they begin in the reference.
MeteorAlignment align_meteor(std::span<const MeteorMatch> matches, size_t candidate_words, size_t reference_words);

}  // namespace attend
