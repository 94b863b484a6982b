// The parts of `attend evaluate` that need no model: what it is told, the pictures, results files, and what comes out.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "app/commands.h"
#include "data/masks.h"
#include "evaluate/candidates.h"
#include "evaluate/evaluation.h"
#include "viz/caption_page.h"

namespace attend {

struct EvaluateOptions : EvaluationChoice, CandidateFiles {
  std::filesystem::path results, html, csv;  // outputs
  std::string split;
  std::filesystem::path instances, words;
  bool pointing = false, given = false, json = false;
  double max_faulty = 0.01;

  void list(OptionList& options);
  /// Throws UsageError.
  void check() const;
  /// Throws where an output can't be written, or is one of the files that are read, `models` too.
  void check_outputs(const std::vector<std::filesystem::path>& models) const;
};

CommandSyntax evaluate_syntax();

/// The pictures to score. Throws InputError, and UsageError where there are several splits and none is named.
std::vector<Example> read_examples(const EvaluateOptions& options);

/// Candidates, and what is known of those that a model made.
struct MadeCandidates : Candidates {
  std::vector<std::vector<Tokens>> n_best = {};  // all captions of each picture, where a model made several
  std::vector<PagePicture> shown = {};           // for --html, where a model made the captions
  Pointing pointing = {};
  double seconds = 0;        // it took to make them
  std::string stopped = {};  // why there are no more: the work was asked to stop
  size_t refused = 0;
};

/// Computes the figures, prints them and writes what else is asked for; returns the exit status. models: the names of the
/// files that made the captions; null where these were read. Throws Interrupted after writing where the candidates were stopped.
int write_evaluation(MadeCandidates candidates, const EvaluateOptions& options, const Json& models, int threads);

/// `attend evaluate --candidates`, which needs no model. Nothing where the line asks for something else, or is wrong by what
/// is known here.
std::optional<int> evaluate_results(const std::vector<std::string>& arguments);

}  // namespace attend
