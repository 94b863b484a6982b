// The state of a training run between two steps, in one file.
#pragma once

#include <filesystem>

#include "model/captioner.h"
#include "train/optimizer.h"

namespace attend {

/// Where a run stands, beside its tensors.
struct Progression {
  int64_t step = 0;              // steps done in all
  double best_cider = -1;        // of the epochs so far; -1: none yet
  int64_t epochs_since_best = 0;
  double plateau = 1;            // factor on the learning rate (schedule plateau)
  double baseline = 0;           // of hard attention: moving average of the log-probability of a word; 0: none yet
  int64_t validated_epochs = 0;  // epochs whose validation is done
};

/// Writes weights, optimizer state, progression and recipe. Atomic: an interrupted write leaves the one before.
void save_checkpoint(const std::filesystem::path& path, const Captioner& captioner, const Optimizer& optimizer,
                     const Progression& progression, const Json& recipe);

/// Restores what save_checkpoint() wrote. Throws UsageError naming the first option in which the run's recipe differs from
/// `recipe`; InputError on a damaged file.
Progression load_checkpoint(const std::filesystem::path& path, Captioner& captioner, Optimizer& optimizer,
                            const Json& recipe);

}  // namespace attend
