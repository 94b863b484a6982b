// The models a command runs: the files it is told, or the one that comes with attend.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/command_line.h"
#include "base/options.h"
#include "decode/ensemble.h"

namespace attend {

/// Which models caption together, their arithmetic and the size of their inputs.
struct ModelFiles {
  std::vector<std::filesystem::path> models;  // none: embedded_model()
  std::string precision = "model";            // model | fp32 | bf16 | int8
  int input_size = 0;                         // pixels; 0: as each model says

  void list(OptionList& options);
  /// Fills in the embedded model where none was named. Throws UsageError on an empty name.
  void choose();
  /// Reads the chosen files and brings them to `device`. Throws InputError where they don't go together.
  Ensemble load(torch::Device device) const;
  /// The chosen files' names: a string, or a list of them where there are several.
  Json names() const;
};

/// Where the arguments ask for --help of a command that decodes as a model says: sets `decode` to the defaults of the model
/// that comes after --model, else of the first argument that is no flag where `positional`, else of the one that comes with
/// attend; and adds to the description which model that is, or that it can't be read. To be called before decode.list().
void show_model_defaults(const std::vector<std::string>& arguments, bool positional, DecodeOptions& decode,
                         CommandSyntax& syntax);

/// Names as ModelFiles::names() gives them, on one line.
std::string joined(const Json& names);

}  // namespace attend
