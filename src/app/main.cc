// attend: reads the command's name and runs it. What needs LibTorch is the program attend-tensors beside this one, which
// this one becomes: LibTorch takes 0.4 s to load, and help, mistakes and text don't need it.
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "app/command_list.h"
#include "app/commands.h"
#include "app/exit_status.h"
#include "base/error.h"
#include "base/memory_limit.h"
#include "base/processor.h"

namespace attend {
namespace {

/// The commands of this program; attend-tensors has the others, too.
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

/// Becomes attend-tensors, with the same arguments. Throws Error where it can't.
[[noreturn]] void become_tensors(char** values) {
  require_memory(1);
  prepare_tensor_libraries();
  const auto program = std::filesystem::read_symlink("/proc/self/exe").parent_path() / "attend-tensors";
  ::execv(program.c_str(), values);
  throw Error(program.string() + ": can't be run: " + std::strerror(errno) + "; attend needs it beside itself");
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
    if (name == known) become_tensors(values);
  refuse_command(name);
}

}  // namespace
}  // namespace attend

int main(int count, char** values) {
  return attend::exit_status([&] { return attend::run({values + 1, values + count}, values); });
}
