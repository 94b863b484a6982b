// attend: reads the command's name, runs it, and turns errors into one line and an exit status.
#include <malloc.h>

#include <cstdio>
#include <exception>
#include <iostream>
#include <string>
#include <vector>

#include "app/commands.h"
#include "base/error.h"
#include "base/progress.h"

namespace attend {
namespace {

struct Command {
  const char* name;
  CommandFunction run;
  const char* summary;
};

const Command kCommands[] = {
    {"caption", caption_command, "caption pictures, and show where every word looked"},
    {"evaluate", evaluate_command, "compare captions with what people said: BLEU, METEOR, ROUGE-L, CIDEr-D"},
    {"report", report_command, "draw the training curves of one or several runs"},
    {"inspect", inspect_command, "say what a model file is"},
    {"average", average_command, "make one model of several: the mean of their weights"},
    {"train", train_command, "train a captioner on pictures with captions"},
    {"features", features_command, "encode the pictures of a data set once, for training"},
    {"shapes", shapes_command, "write a synthetic data set with exact object masks"},
    {"tokenize", tokenize_command, "part lines of text into the tokens that figures are computed from"},
    {"meteor-tables", meteor_tables_command, "make the tables that METEOR needs; see tools/fetch-meteor"},
    {"bench", bench_command, "measure how fast pictures are captioned on this machine"},
};

void print_help(std::ostream& out) {
  out << "attend: captions pictures and shows where it looked for every word.\n\n"
         "Usage: attend COMMAND [OPTION...] [ARGUMENT...]\n\nCommands:\n";
  for (const auto& command : kCommands)
    out << "  " << command.name << std::string(15 - std::string(command.name).size(), ' ') << command.summary << "\n";
  out << "\n`attend COMMAND --help` says what a command takes; `attend --version` which attend this is.\n";
}

int run(const std::vector<std::string>& arguments) {
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
    std::cout << "attend " ATTEND_VERSION "\n";
    return 0;
  }
  std::vector<std::string> names;
  for (const auto& command : kCommands) {
    if (name == command.name) return command.run({arguments.begin() + 1, arguments.end()});
    names.push_back(command.name);
  }
  const std::string near = nearest(name, names);
  throw UsageError(name + ": no such command" + (near.empty() ? "" : "; did you mean " + near + "?") +
                   " `attend --help` lists them");
}

}  // namespace
}  // namespace attend

int main(int count, char** values) {
  // What a batch's large tensors leave is for the next batch: given back to the system, every page would have to be
  // zeroed again.
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
  try {
    const int status = attend::run({values + 1, values + count});
    std::cout.flush();
    if (!std::cout) throw attend::Error("standard output: can't be written");
    return status;
  } catch (const attend::UsageError& error) {
    attend::complain(error.what());
    return 2;
  } catch (const attend::Interrupted& error) {
    attend::complain(error.what());
    return 130;
  } catch (const std::exception& error) {
    attend::complain(error.what());
    return 1;
  }
}
