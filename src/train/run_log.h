// A run's log: a line of JSON every few steps and one an epoch.
#pragma once

#include <filesystem>
#include <fstream>

#include "base/options.h"

namespace attend {

class RunLog {
 public:
  /// Goes on with the log of a run that stands after `step` steps and the validation of `epochs` epochs: lines of what came
  /// later, which will be done again, and a torn last line are taken out. Throws Error when it can't be written.
  RunLog(std::filesystem::path file, int64_t step, int64_t epochs);

  /// Throws Error when it can't be written.
  void write(const Json& line);

 private:
  const std::filesystem::path file_;
  std::ofstream out_;
};

}  // namespace attend
