// The models a command runs: the files it is told, or the one that comes with attend.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/command_line.h"
#include "base/options.h"
#include "pipeline/open_models.h"

namespace attend {

/// The models of the command line. Where none is named, choose() takes embedded_model().
struct ModelFiles : ModelChoice {
  void list(OptionList& options);
  /// Fills in the embedded model where none was named. Throws UsageError on an empty name.
  void choose();
  /// The chosen files' names: a string, or a list of them where there are several.
  Json names() const;
};

/// Where the arguments ask for --help of a command that decodes as a model says: sets `decode` to the defaults of the model
/// that comes after --model, else of the first argument that is no flag where `positional`, else of the one that comes with
/// attend; and adds to the description which model that is, or that it can't be read. To be called before decode.list().
void show_model_defaults(const std::vector<std::string>& arguments, bool positional, DecodeOptions& decode,
                         CommandSyntax& syntax);

}  // namespace attend
