// attend: reads the command's name and runs it, or becomes the program beside it that has it: attend-pictures, whose libraries
// take 0.03 s to load, or attend-tensors, where LibTorch takes 0.4 s. Help, mistakes and text need neither.
#include <algorithm>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "app/command_list.h"
#include "app/commands.h"
#include "app/exit_status.h"
#include "app/other_program.h"
#include "base/error.h"
#include "base/processor.h"

namespace attend {
namespace {

/// The commands of this program.
const std::map<std::string, CommandFunction>& own_commands() {
  static const std::map<std::string, CommandFunction> commands{{"tokenize", tokenize_command},
                                                               {"meteor-tables", meteor_tables_command}};
  return commands;
}

void print_help(std::ostream& out) {
  out << "attend: captions pictures and shows where it looked for every word.\n\n"
         "Usage: attend COMMAND [OPTION...] [ARGUMENT...]\n\nCommands:\n";
  for (const auto& [name, summary] : command_summaries())
    out << "  " << name << std::string(15 - std::string(name).size(), ' ') << summary << "\n";
  out << "\n`attend COMMAND --help` says what a command takes; `attend --version` which attend this is.\n";
}

/// The program that has a command: attend-pictures where it sees no LibTorch.
const char* program_of(const std::string& command, const std::vector<std::string>& arguments) {
  if (command == "check" || command == "convert" || command == "report" || command == "shapes") return kPicturesProgram;
  const auto names_results = [](const std::string& argument) { return argument.rfind("--candidates", 0) == 0; };
  return command == "evaluate" && std::any_of(arguments.begin(), arguments.end(), names_results) ? kPicturesProgram
                                                                                                 : kTensorsProgram;
}

int run(const std::vector<std::string>& arguments, char** values) {
  if (arguments.empty()) {
    print_help(std::cerr);
    return 2;
  }
  const std::string& name = arguments[0];
  if (name == "help" && arguments.size() > 1) {  // as of other programs
    static char help[] = "--help";
    values[1] = values[2];
    values[2] = help;
    values[3] = nullptr;
    return run({arguments[1], help}, values);
  }
  if (name == "--help" || name == "-h" || name == "--help-all" || name == "help") {
    print_help(std::cout);
    return 0;
  }
  if (name == "--version") {
    std::cout << "attend " ATTEND_VERSION " (" << instruction_set() << ")\n";
    return 0;
  }
  const auto own = own_commands().find(name);
  if (own != own_commands().end()) return own->second({arguments.begin() + 1, arguments.end()});
  for (const auto& known : command_names())
    if (name == known) become(program_of(name, arguments), values);
  refuse_command(name);
}

}  // namespace
}  // namespace attend

int main(int count, char** values) {
  return attend::exit_status([&] { return attend::run({values + 1, values + count}, values); });
}
