// The state of a training run between two steps, in one file.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "model/captioner.h"
#include "train/optimizer.h"

namespace attend {

/// Where a run stands, beside its tensors.
struct Progression {
  int64_t step = 0;  // steps done in all
  double best = -1;  // validation figure of the best epoch so far; -1: none yet
  int64_t epochs_since_best = 0;
  double plateau = 1;            // factor on the learning rate (schedule plateau)
  double baseline = 0;           // of hard attention: moving average of the log-probability of a word; 0: none yet
  int64_t validated_epochs = 0;  // epochs whose validation is done; -1: the initial model's isn't
};

/// What a run was begun with and keeps to.
struct Beginning {
  Json recipe;                                  // the options that decide what is learnt
  uint64_t data;                                // TrainingData::hash()
  std::vector<std::filesystem::path> left_out;  // pictures that could not be read
  std::filesystem::path folder = {};  // that relative paths in the recipe start from; empty: the working directory
};

/// Writes weights, optimizer state, progression and beginning. Atomic: an interrupted write leaves the one before.
void save_checkpoint(const std::filesystem::path& path, const Captioner& captioner, const Optimizer& optimizer,
                     const Progression& progression, const Beginning& beginning);

/// What save_checkpoint() wrote, read but not yet taken over.
struct Checkpoint {
  std::string source;  // the file
  TensorMap tensors;
  Progression progression;
  Beginning beginning;
  std::string computed_with;  // what its sums were rounded by: threads and kernels; "" where it isn't known

  /// Throws UsageError naming the first option, but for the epochs, in which `recipe` is another than the run's, or saying that
  /// its data are others.
  void require_same(const Json& recipe, uint64_t data) const;
  /// Throws InputError where the tensors don't fit. Warns where sums are rounded otherwise here.
  void restore(Captioner& captioner, Optimizer& optimizer) const;
};

/// Throws InputError on a damaged file, and on a progression that no run can have.
Checkpoint read_checkpoint(const std::filesystem::path& path);

}  // namespace attend
