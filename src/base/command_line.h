// A command's line: flags from an OptionList, a JSON file below them, and what --help says.
#pragma once

#include <cstddef>
#include <iosfwd>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/options.h"

namespace attend {

/// What a command is called, takes and does: for its --help, and to check how many arguments it is given.
struct CommandSyntax {
  std::string name;       // "caption"
  std::string arguments;  // "[PATH...]": what follows the options in the usage line
  size_t least_arguments = 0, most_arguments = 0;
  std::string description;
  std::vector<std::pair<std::string, std::string>> examples;  // command line, what it does
  std::vector<std::string> common = {};  // flags of the options that most people need: "format"; empty: all of them
};

/// What is asked of a command's help: the common options, all of them, or all for programs.
enum class Help { none, common, all, json };

struct CommandLine {
  std::vector<std::string> positional;  // arguments that aren't flags, byte for byte
  bool help = false, dump_config = false;
  Help which_help = Help::none;
  bool configured = false;      // with --config
  std::set<std::string> flags;  // of fields, those that were given: "beam-width"
};

/// Reads the arguments after the command's name into `options`.
///   --flag VALUE, --flag=VALUE   one flag a field; nothing is guessed from a part of its name. The last one counts; a
///                                list's first one replaces its default and later ones are appended.
///   --switch, --no-switch, --switch=true|false   for bools
///   --config FILE                JSON for OptionList::read_json; relative paths in it start from its folder; flags, whose
///                                paths start from the working directory, override it wherever they stand
///   --dump-config, --help, -h, --help-all, --help-json    only noted in the result; see answer(). With help nothing else is
///                                looked at.
///   --                           ends the flags
/// --config and --dump-config exist when a field has a JSON section. Reading the same line twice gives the same
/// options, so a command may read it, load what an option names (a model's own options), and read it again on top.
/// Throws UsageError, which names the flag (and the nearest one, if it is unknown), or InputError for the file.
CommandLine parse_command_line(std::vector<std::string> arguments, OptionList& options, const CommandSyntax& syntax);

/// Whether a command is asked for help, of whatever kind.
bool asks_for_help(const std::vector<std::string>& arguments);

/// The part of --help that entries of describe_command() make: a title a group, then a line or more an option.
std::string option_help(const Json& entries);

/// What a command says of itself, the one source of help, manual pages and completion: "name", "arguments", "description",
/// "examples" (a pair each) and "options", the general ones among them, an object each: "group" (its title), "option"
/// ("--beam-width", or the place of a key that has no flag), "value" ("N"; "" for a switch), "can_be_negated", "on" where a
/// switch is on by default, "help", "notes" (what it takes, its default), "choices" where it takes one of some words, "short",
/// and "common", whether most people need it. Throws std::logic_error where syntax.common names no option.
Json describe_command(const CommandSyntax& syntax, const OptionList& options);

/// The --help of a command (first examples, common options), or its --help-all.
std::string command_help(const CommandSyntax& syntax, const OptionList& options, bool all);

/// Writes what --help, --help-all, --help-json or --dump-config asks for, if one was given; then there is nothing more to do.
bool answer(const CommandLine& line, const CommandSyntax& syntax, const OptionList& options, std::ostream& out);

}  // namespace attend
