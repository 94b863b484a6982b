#include "app/rank_options.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/interrupt.h"
#include "base/parallel.h"
#include "base/stderr_console.h"

namespace attend {
namespace {

/// From a thread that watches the other ranks: the main one may wait for them for ever.
void end_process(const std::string& line) {
  if (!line.empty()) complain(line);
  unlink_temporaries();
  std::fflush(nullptr);
  std::_Exit(interrupted() ? interrupted_status() : 1);
}

}  // namespace

void RankOptions::list(OptionList& options) {
  options.section("", "Several processes (torchrun, srun, mpirun or tools/launch start them)");
  options.add("rank_patience", patience, "seconds that they wait for one another at the beginning", between(1, 86400));
}

std::shared_ptr<Ranks> RankOptions::join(RunOptions& run) const {
  const RankPlace place = rank_place();
  if (place.size == 1) return std::make_shared<Ranks>();
  if (run.device == "cuda")
    throw UsageError("--device cuda: several ranks compute on processors, by gloo; a GPU is used by one process alone");
  run.device = "cpu";
  const int processors = available_processors();
  // A launcher that gave each process its own processors has divided them already.
  if (run.threads == 0 && processors >= static_cast<int>(std::thread::hardware_concurrency()))
    run.threads = std::max(1, processors / place.local_size);
  if (place.rank != 0) stderr_console().speak_as("rank " + std::to_string(place.rank));
  auto ranks = std::make_shared<Ranks>(place, std::chrono::seconds(patience), end_process);
  ranks->require_same({{"version", ATTEND_VERSION}});
  return ranks;
}

}  // namespace attend
