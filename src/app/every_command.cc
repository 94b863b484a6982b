#include "app/every_command.h"

#include <iostream>
#include <sstream>

namespace attend {

const std::map<std::string, CommandFunction>& every_command() {
  static const std::map<std::string, CommandFunction> commands{{"caption", caption_command},
                                                               {"evaluate", evaluate_command},
                                                               {"report", report_command},
                                                               {"inspect", inspect_command},
                                                               {"average", average_command},
                                                               {"calibrate", calibrate_command},
                                                               {"train", train_command},
                                                               {"features", features_command},
                                                               {"shapes", shapes_command},
                                                               {"check", check_command},
                                                               {"convert", convert_command},
                                                               {"merge", merge_command},
                                                               {"alt", alt_command},
                                                               {"score", score_command},
                                                               {"align", align_command},
                                                               {"audit", audit_command},
                                                               {"retrieve", retrieve_command},
                                                               {"compare-models", compare_models_command},
                                                               {"bench", bench_command},
                                                               {"tokenize", tokenize_command},
                                                               {"man", man_command},
                                                               {"meteor-tables", meteor_tables_command},
                                                               {"completion", completion_command}};
  return commands;
}

Json describe_command(const CommandSummary& command) {
  // A command answers on standard output.
  std::ostringstream said;
  auto* const before = std::cout.rdbuf(said.rdbuf());
  every_command().at(command.name)({"--help-json"});
  std::cout.rdbuf(before);
  Json description = Json::parse(said.str());
  description["summary"] = command.summary;
  return description;
}

}  // namespace attend
