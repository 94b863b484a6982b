// The flags of `attend caption` that say which files it writes for a picture.
#pragma once

#include <filesystem>
#include <string>

#include "base/command_line.h"
#include "base/options.h"
#include "decode/explain.h"
#include "pipeline/file_plan.h"

namespace attend {

struct CaptionFileOptions : FileChoice {
  bool overwrite = false;
  std::string if_existing = "skip";
  std::filesystem::path font;  // empty: the program's own
  std::string explain;         // empty: no explanations
  ExplainOptions explanation;

  /// sidecars: the flags for text files beside pictures, too.
  void list(OptionList& options, bool sidecars = true);
  /// Throws UsageError where one of them, or a flag of the line, needs another. To be called before the choice is used.
  void check(const CommandLine& line);
};

}  // namespace attend
