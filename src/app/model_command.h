// A command that runs models: its line, and how they are opened once it is read.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "app/commands.h"
#include "app/model_file.h"

namespace attend {

/// What every command that opens models has. A command lists its own flags and these in `list`, in the order that --help is to
/// have, then reads the line, gathers its work, and opens the models where there is some.
class ModelCommand {
 public:
  /// decodes: whether it has flags for `decode`, whose defaults are a model's.
  ModelCommand(std::vector<std::string> arguments, CommandSyntax syntax, bool decodes = true);
  ModelCommand(const ModelCommand&) = delete;

  OptionList list;
  ModelFiles files;
  DecodeOptions decode;
  RunOptions run;

  /// Reads the line. Nothing where it asked for --help, which is then answered.
  std::optional<CommandLine> read();
  /// Sets the threads, opens the models, and reads the line again, which counts more than how the first model says that it is
  /// decoded. Nothing where that was all that --dump-config asked for, which is then answered. Throws UsageError where
  /// `decode` asks of the models what they can't do.
  std::optional<Ensemble> open();
  /// That open() set.
  int threads() const { return threads_; }

 private:
  const std::vector<std::string> arguments_;
  const CommandSyntax syntax_;
  CommandSyntax described_;  // with a word on the defaults
  int threads_ = 1;
};

}  // namespace attend
