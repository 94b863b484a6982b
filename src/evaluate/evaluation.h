// Captions and references → figures, how sure they are, and what else is known of the captions.
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "metrics/bootstrap.h"
#include "metrics/caption_pair.h"
#include "metrics/measure.h"

namespace attend {

/// All that is known of a set of captions.
struct Evaluation {
  /// A measure of the results file it is compared with.
  struct Other {
    double corpus, p_value;
  };
  std::vector<CaptionPair> pairs;
  std::vector<Measure> measures;
  std::vector<Interval> intervals;  // a measure each, or none
  std::vector<Other> others;        // a measure each, or none
  std::optional<double> share_in_training;
};

/// The share of the pairs that `is_so` holds for.
template <class Predicate>
double share_of(const std::vector<CaptionPair>& pairs, Predicate is_so) {
  return static_cast<double>(std::count_if(pairs.begin(), pairs.end(), is_so)) / static_cast<double>(pairs.size());
}

/// What figures are computed from beside the captions.
struct EvaluationChoice {
  // captions file that CIDEr counts document frequencies in; empty: the references
  std::filesystem::path document_frequencies;
  std::filesystem::path training_captions;  // captions file: how many captions stand in it; empty: that isn't known
  std::filesystem::path meteor;             // METEOR's tables, as find_meteor_tables() has them
  int resamples = 1000;                     // bootstrap sets of pictures that intervals rest on; 0: no intervals
  int64_t seed = 1;                         // which sets are drawn
};

/// captions[i], and compared[i] of another results file where there is one, are of examples[i], which has references. Throws
/// InputError where a file can't be used.
Evaluation evaluate(const std::vector<Example>& examples, const std::vector<std::string>& captions,
                    const std::vector<std::string>& compared, const EvaluationChoice& choice, int threads);

}  // namespace attend
