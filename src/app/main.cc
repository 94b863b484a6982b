// attend: reads the command's name and runs it. What needs LibTorch is the program attend-tensors beside this one, which
// this one becomes: LibTorch takes 0.4 s to load, and help, mistakes and text don't need it.
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

#include "app/commands.h"
#include "app/exit_status.h"
#include "base/error.h"
#include "base/memory_limit.h"
#include "base/nearest.h"
#include "base/processor.h"

namespace attend {
namespace {

struct Command {
  const char* name;
  CommandFunction run;  // null: attend-tensors has it
  const char* summary;
};

const Command kCommands[] = {
    {"caption", nullptr, "caption pictures, and show where every word looked"},
    {"score", nullptr, "say how likely captions are that are given, word by word"},
    {"align", nullptr, "show where every word of a given caption looked"},
    {"audit", nullptr, "find captions that probably don't belong to their picture"},
    {"retrieve", nullptr, "find the pictures of a text, or the texts of a picture"},
    {"compare-models", nullptr, "show side by side what two models say and where each looks"},
    {"evaluate", nullptr, "compare captions with what people said: BLEU, METEOR, ROUGE-L, CIDEr-D"},
    {"report", nullptr, "draw the training curves of one or several runs"},
    {"inspect", nullptr, "say what a model file is"},
    {"average", nullptr, "make one model of several: the mean of their weights"},
    {"calibrate", nullptr, "fit how sure a model's captions are, and what pictures are unfamiliar to it"},
    {"train", nullptr, "train a captioner on pictures with captions"},
    {"features", nullptr, "encode the pictures of a data set once, for training"},
    {"check", nullptr, "say all that is wrong with a data set"},
    {"convert", nullptr, "turn a data set into another form: COCO, Karpathy, CSV, JSON lines, imagefolder, WebDataset"},
    {"shapes", nullptr, "write a synthetic data set with exact object masks"},
    {"tokenize", tokenize_command, "part lines of text into the tokens that figures are computed from"},
    {"meteor-tables", meteor_tables_command, "make the tables that METEOR needs; see tools/fetch-meteor"},
    {"bench", nullptr, "measure how fast pictures are captioned on this machine"},
};

void print_help(std::ostream& out) {
  out << "attend: captions pictures and shows where it looked for every word.\n\n"
         "Usage: attend COMMAND [OPTION...] [ARGUMENT...]\n\nCommands:\n";
  for (const auto& command : kCommands)
    out << "  " << command.name << std::string(15 - std::string(command.name).size(), ' ') << command.summary << "\n";
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
  if (name == "--help" || name == "-h" || name == "help") {
    print_help(std::cout);
    return 0;
  }
  if (name == "--version") {
    std::cout << "attend " ATTEND_VERSION " (" << instruction_set() << ")\n";
    return 0;
  }
  std::vector<std::string> names;
  for (const auto& command : kCommands) {
    if (name == command.name && !command.run) become_tensors(values);
    if (name == command.name) return command.run({arguments.begin() + 1, arguments.end()});
    names.push_back(command.name);
  }
  const auto near = nearest(name, names, 1);
  throw UsageError(name + ": no such command" + (near.empty() ? "" : "; did you mean " + near.front() + "?") +
                   " `attend --help` lists them");
}

}  // namespace
}  // namespace attend

int main(int count, char** values) {
  return attend::exit_status([&] { return attend::run({values + 1, values + count}, values); });
}
