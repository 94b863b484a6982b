#include "app/training_line.h"

#include <algorithm>

#include "base/console.h"
#include "base/error.h"
#include "base/files.h"
#include "train/initial_model.h"

namespace attend {

CommandLine parse_training_line(const std::vector<std::string>& arguments, OptionList& options, TrainJob& job,
                                const CommandSyntax& syntax) {
  CommandLine line = parse_command_line(arguments, options, syntax);
  if (line.help) return line;
  const auto own = job.output / "config.json";
  const bool as_begun = job.resume && !line.configured && !job.output.empty() && std::filesystem::exists(own);
  const auto read = [&] {  // what the line says counts more than what a file says
    if (as_begun) options.read_json(read_json_file(own), own.string(), job.output);
    line = parse_command_line(arguments, options, syntax);
  };
  if (as_begun) read();
  if (job.resume && !line.dump_config && !job.output.empty() && !std::filesystem::exists(own) &&
      job.data.train_captions.empty() && job.data.sources.empty())
    throw UsageError(job.output.string() +
                     ": has no config.json of a run to go on with; name a configuration with --config FILE");
  if (job.train.initial_model.empty()) return line;
  take_over_initial_model(job);
  read();
  return line;
}

void say_without_effect(const CommandLine& line, const OptionList& options, TrainJob& job) {
  TrainJob plain;
  OptionList defaults, own;
  plain.list(defaults), job.list(own);
  const Json unset = defaults.to_json(), set = own.to_json();
  std::string idle;
  for (const auto& [option, of] : job.without_effect()) {
    const auto field = std::find_if(options.fields().begin(), options.fields().end(),
                                    [&](const auto& one) { return one.section + "." + one.key == option; });
    if (line.flags.contains(field->flag)) throw UsageError("--" + field->flag + ": is of " + of + " only");
    const bool of_model = field->section == "attention" && !job.train.initial_model.empty();  // taken over from it
    if (!of_model && set[field->section][field->key] != unset[field->section][field->key])
      idle += (idle.empty() ? "" : ", ") + option + " (is of " + of + ")";
  }
  if (!idle.empty()) note("of no effect, as other options stand: " + idle);
}

}  // namespace attend
