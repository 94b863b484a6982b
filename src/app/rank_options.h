// How a command becomes one of several processes.
#pragma once

#include <memory>

#include "app/commands.h"
#include "train/ranks.h"

namespace attend {

struct RankOptions {
  int patience = 300;  // seconds that the ranks wait for one another at the beginning

  void list(OptionList& options);
  /// Joins the group that the environment names; one process alone where it names none. Of several on one machine each has its
  /// share of the processors where `run` doesn't say how many. Throws UsageError where `run` asks for a GPU.
  std::shared_ptr<Ranks> join(RunOptions& run) const;
};

}  // namespace attend
