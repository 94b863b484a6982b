// log.jsonl of a training run: a JSON object a line, with "step" and "epoch" and figures.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/json.h"

namespace attend {

struct LogLine {
  size_t number;     // in its file, from 1
  std::string text;  // without its end
  Json values;       // an object
};

/// The lines of a log. A line that is no JSON object was torn by a crash or a full disk: it is left out, and said, but for
/// a last one without its end, which may still be being written. Throws InputError that names the file.
std::vector<LogLine> read_run_log(const std::filesystem::path& path);

/// A log that is written.
class RunLog {
 public:
  /// Opens the log of a run that goes on after `step` and the validation of epoch `validated_epochs`: lines that stand
  /// behind, which will be written again, and torn ones are taken out. Throws Error where it can't be written.
  RunLog(std::filesystem::path path, int64_t step, int64_t validated_epochs);
  ~RunLog();
  RunLog(const RunLog&) = delete;
  RunLog& operator=(const RunLog&) = delete;

  /// Adds a line, whole or not at all. A disk that is full costs the line, not the run: it is said once.
  void write(const Json& line);

 private:
  const std::filesystem::path path_;
  int descriptor_ = -1;
  bool said_ = false;
};

}  // namespace attend
