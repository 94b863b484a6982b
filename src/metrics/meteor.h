// METEOR 1.5 for English (Denkowski and Lavie, "Meteor Universal", 2014; Lavie and Agarwal, 2007).
#pragma once

#include <array>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "metrics/caption_pair.h"
#include "metrics/meteor_align.h"
#include "metrics/meteor_tables.h"

namespace attend {

/// What METEOR counts of a candidate and a reference; adds up to that of a corpus.
struct MeteorCounts {
  /// Words of one side, content words and function words apart.
  struct Words {
    double content = 0, function = 0;
  };
  Words candidate, reference;                                               // all words
  std::array<Words, kMeteorMatchers> candidate_matched, reference_matched;  // by matcher
  double chunks = 0;                                                        // 0 where all words of both match in one

  MeteorCounts& operator+=(const MeteorCounts& other);
  /// The figure, from 0 to 1, with METEOR's parameters for English.
  double score() const;
};

/// METEOR of sets of captions. Its words are remembered from one call to the next. Safe to use from several threads at
/// once.
class Meteor {
 public:
  /// Without tables, words match by themselves and by their stems only, and all of them count as content words.
  explicit Meteor(std::shared_ptr<const MeteorTables> tables);
  ~Meteor();
  Meteor(const Meteor&) = delete;

  /// Counts of each picture with the reference that its candidate matches best (the first of equals), on `threads`
  /// threads. Throws InputError where a pair has no reference.
  std::vector<MeteorCounts> count(std::span<const CaptionPair> pairs, int threads);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// Scores of the pictures, and of their sum.
Scores meteor_scores(std::span<const MeteorCounts> pictures);

/// What the figure is called: only with all of METEOR's tables is it the one that papers print.
constexpr std::string_view kMeteorName = "METEOR";
constexpr std::string_view kMeteorNameWithoutTables = "METEOR (exact, stem; no function words)";

}  // namespace attend
