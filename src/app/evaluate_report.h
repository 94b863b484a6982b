// What `attend evaluate` says: figures as JSON, as a table, and a line a picture.
#pragma once

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/files.h"
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

/// Names of models as ModelFiles::names() gives them, on one line.
std::string joined(const Json& names);

/// Adds the figures by their keys, BLEU, METEOR and ROUGE-L as shares of one, null where one isn't defined; then "intervals" and "comparison", an
/// entry a measure. Nothing for an evaluation without pictures.
void add_figures(const Evaluation& evaluation, Json& figures);

/// Prints them as a table.
void print_figures(const Json& figures, const Evaluation& evaluation);

/// Writes image_id, file, caption, words and every measure of each picture as CSV (RFC 4180). A text that a spreadsheet
/// would take for a formula (it begins with = + - @, a tab or a line's end) gets an apostrophe in front; a figure that
/// isn't defined is an empty field. Atomic.
void write_picture_csv(const std::filesystem::path& file, const std::vector<Example>& examples,
                       const std::vector<std::string>& captions, const Evaluation& evaluation);

}  // namespace attend
