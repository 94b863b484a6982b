#include "app/training_line.h"

#include "train/initial_model.h"

namespace attend {

CommandLine parse_training_line(const std::vector<std::string>& arguments, OptionList& options, TrainJob& job,
                                const CommandSyntax& syntax) {
  const CommandLine line = parse_command_line(arguments, options, syntax);
  if (line.help || job.train.initial_model.empty()) return line;
  take_over_initial_model(job);
  return parse_command_line(arguments, options, syntax);  // what the line says counts more than what the model says
}

}  // namespace attend
