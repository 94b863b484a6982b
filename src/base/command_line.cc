#include "base/command_line.h"

#include <algorithm>
#include <boost/program_options.hpp>
#include <ostream>
#include <set>
#include <stdexcept>

#include "base/error.h"
#include "base/files.h"
#include "base/nearest.h"

namespace attend {
namespace {

namespace po = boost::program_options;

bool has_sections(const OptionList& options) {
  return std::any_of(options.fields().begin(), options.fields().end(),
                     [](const OptionList::Field& field) { return !field.section.empty(); });
}

/// The help that an argument asks for.
Help help_of(const std::string& argument) {
  if (argument == "--help" || argument == "-h") return Help::common;
  if (argument == "--help-all") return Help::all;
  return argument == "--help-json" ? Help::json : Help::none;
}

/// The options that every command has.
Json general_options(const OptionList& options, bool has_more) {
  Json list = Json::array();
  const auto add = [&](const char* option, const char* value, const char* help) -> Json& {
    return list.emplace_back(Json{{"group", "General"},
                                  {"option", option},
                                  {"value", value},
                                  {"can_be_negated", false},
                                  {"help", help},
                                  {"notes", ""}});
  };
  if (has_sections(options)) {
    add("--config", "PATH",
        "JSON file of options, in the form --dump-config prints; paths in it start from its folder; flags override it");
    add("--dump-config", "", "print the options that would be used, as JSON, and stop");
  }
  add("--help", "", has_more ? "show the options that most people need and stop" : "show this help and stop")["short"] =
      "-h";
  add("--help-all", "", "show all options and stop");
  add("--help-json", "", "the same as JSON, for programs");
  return list;
}

/// The flags as Boost wants them: only their names and whether a value follows; OptionList reads the values.
po::options_description describe(const OptionList& options) {
  po::options_description description;
  auto add = description.add_options();
  add("help,h", "")("help-all", "")("help-json", "");
  if (has_sections(options)) add("config", po::value<std::string>(), "")("dump-config", "");
  for (const auto& field : options.fields()) {
    if (field.flag.empty()) continue;  // a key of the configuration only
    if (OptionList::is_switch(field))
      add(field.flag.c_str(), "")(("no-" + field.flag).c_str(), "");
    else
      add(field.flag.c_str(), po::value<std::string>(), "");
  }
  return description;
}

/// Boost has no flag that takes a value only behind "=", so --switch=true and --switch=false become what it knows.
void spell_out_switches(std::vector<std::string>& arguments, const OptionList& options) {
  for (auto& argument : arguments) {
    if (argument == "--") return;
    for (const auto& field : options.fields()) {
      if (!OptionList::is_switch(field)) continue;
      if (argument == "--" + field.flag + "=true") argument = "--" + field.flag;
      if (argument == "--" + field.flag + "=false") argument = "--no-" + field.flag;
    }
  }
}

std::vector<po::option> split(const std::vector<std::string>& arguments, const po::options_description& description) {
  using namespace po::command_line_style;
  try {
    // Unknown flags are let through, to be refused below with a better message; allow_guessing stays off.
    return po::command_line_parser(arguments)
        .options(description)
        .style(allow_long | long_allow_adjacent | long_allow_next | allow_short | allow_dash_for_short |
               short_allow_next)
        .allow_unregistered()
        .run()
        .options;
  } catch (const po::error& error) {
    throw UsageError(error.what());
  }
}

[[noreturn]] void refuse_unknown(const std::string& argument, const po::options_description& description) {
  const std::string flag = argument.substr(0, argument.find('='));
  std::vector<std::string> known;
  for (const auto& option : description.options()) known.push_back("--" + option->long_name());
  const auto near = flag.size() > 3 ? nearest(flag, known, 1) : std::vector<std::string>();
  throw UsageError(flag + ": unknown option; " +
                   (near.empty() ? "see --help, and put -- before a file name that begins with -"
                                 : "did you mean " + near.front() + "?"));
}

/// Word processors and chat programs make one long dash of two short ones.
void refuse_long_dashes(const std::vector<std::string>& arguments, const po::options_description& description) {
  for (const auto& argument : arguments) {
    if (argument == "--") return;
    for (const std::string dash : {"\u2014", "\u2013", "\u2212"}) {
      if (!argument.starts_with(dash) || argument.size() == dash.size()) continue;
      const std::string flag =
          argument.substr(argument.find_first_not_of(dash), argument.find('=') - argument.find_first_not_of(dash));
      for (const auto& option : description.options())
        if (option->long_name() == flag) throw UsageError(argument + ": begins with a long dash; write --" + flag);
    }
  }
}

void check_count(const std::vector<std::string>& positional, const CommandSyntax& syntax) {
  const std::string usage = "usage: attend " + syntax.name + " [options] " + syntax.arguments;
  if (positional.size() > syntax.most_arguments)
    throw UsageError(positional[syntax.most_arguments] + ": unexpected argument; " + usage);
  if (positional.size() < syntax.least_arguments) throw UsageError("missing argument; " + usage);
}

}  // namespace

CommandLine parse_command_line(std::vector<std::string> arguments, OptionList& options, const CommandSyntax& syntax) {
  const po::options_description description = describe(options);
  spell_out_switches(arguments, options);
  refuse_long_dashes(arguments, description);
  const std::vector<po::option> parts = split(arguments, description);

  CommandLine line;
  for (const auto& part : parts)
    if (!part.unregistered) line.which_help = std::max(line.which_help, help_of("--" + part.string_key));
  line.help = line.which_help != Help::none;
  if (line.help) return line;

  std::vector<std::string> configurations;
  for (const auto& part : parts) {
    const bool is_flag = part.position_key < 0;
    const bool nameless = !is_flag && part.value != part.original_tokens;  // "--=x": an argument to Boost
    if (part.unregistered || nameless) refuse_unknown(part.original_tokens.front(), description);
    if (is_flag && part.original_tokens.size() > 1 && part.original_tokens[1].rfind("--", 0) == 0)
      throw UsageError(part.original_tokens[0] + ": its value is missing; one that begins with -- is written " +
                       part.original_tokens[0] + "=VALUE");
    if (!is_flag) line.positional.push_back(part.value.front());
    if (part.string_key == "config") configurations.push_back(part.value.front());
    if (part.string_key == "dump-config") line.dump_config = true;
  }
  check_count(line.positional, syntax);
  line.configured = !configurations.empty();
  for (const auto& file : configurations)
    options.read_json(read_json_file(file), file, std::filesystem::path(file).parent_path());

  for (const auto& part : parts) {
    for (const auto& field : options.fields()) {
      if (OptionList::is_switch(field) && part.string_key == "no-" + field.flag) options.set_flag(field.flag, "false");
      if (field.flag.empty() || part.string_key != field.flag) continue;
      const bool again = !line.flags.insert(field.flag).second;
      options.set_flag(field.flag, part.value.empty() ? "true" : part.value.front(), again);
    }
  }
  return line;
}

std::string option_help(const Json& entries) {
  constexpr size_t indent = 28;
  std::string out, group;
  for (const auto& entry : entries) {
    if (entry["group"] != group) out += "\n" + (group = entry["group"]) + ":\n";
    std::string left = entry["option"], text = entry["help"];
    if (entry.contains("on")) left.insert(2, "[no-]");
    if (entry.contains("short")) left.insert(0, entry["short"].get<std::string>() + ", ");
    if (entry["value"] != "") left += " " + entry["value"].get<std::string>();
    if (entry["notes"] != "") text += " (" + entry["notes"].get<std::string>() + ")";
    left.insert(0, "  ");
    left += left.size() + 2 > indent ? "\n" + std::string(indent, ' ') : std::string(indent - left.size(), ' ');
    out += left + wrap(text, indent) + "\n";
  }
  return out;
}

bool asks_for_help(const std::vector<std::string>& arguments) {
  const auto end = std::find(arguments.begin(), arguments.end(), "--");
  return std::any_of(arguments.begin(), end, [](const auto& one) { return help_of(one) != Help::none; });
}

Json describe_command(const CommandSyntax& syntax, const OptionList& options) {
  const auto& common = syntax.common;
  Json entries = options.describe();
  for (const auto& flag : common)
    if (std::none_of(entries.begin(), entries.end(), [&](const Json& one) { return one["option"] == "--" + flag; }))
      throw std::logic_error("attend " + syntax.name + " has no --" + flag);
  for (auto& entry : entries) {
    const std::string option = entry["option"];
    entry["common"] = common.empty() || std::find(common.begin(), common.end(), option.substr(2)) != common.end();
  }
  for (auto& entry : general_options(options, !common.empty())) {
    entry["common"] = entry["option"] != "--help-json" && entry["option"] != "--dump-config";
    entries.push_back(std::move(entry));
  }
  return {{"name", syntax.name},
          {"arguments", syntax.arguments},
          {"description", syntax.description},
          {"examples", syntax.examples},
          {"options", std::move(entries)}};
}

std::string command_help(const CommandSyntax& syntax, const OptionList& options, bool all) {
  constexpr size_t kFirstExamples = 4;
  std::string out = "Usage: attend " + syntax.name + " [options]";
  if (!syntax.arguments.empty()) out += " " + syntax.arguments;
  out += "\n\n" + wrap(syntax.description, 0) + "\n";
  if (!syntax.examples.empty()) out += "\nExamples:\n";
  for (size_t i = 0; i < syntax.examples.size() && (all || i < kFirstExamples); ++i)
    out += "  " + syntax.examples[i].first + "\n      " + wrap(syntax.examples[i].second, 6) + "\n";
  const Json entries = describe_command(syntax, options)["options"];
  Json shown = Json::array();
  for (const auto& entry : entries)
    if (all || entry["common"]) shown.push_back(entry);
  out += option_help(shown);
  if (!all && !syntax.common.empty())
    out += "\n" +
           wrap("`attend " + syntax.name + " --help-all` shows all " + std::to_string(entries.size()) + " options" +
                    (syntax.examples.size() > kFirstExamples ? " and more examples." : "."),
                0) +
           "\n";
  return out;
}

bool answer(const CommandLine& line, const CommandSyntax& syntax, const OptionList& options, std::ostream& out) {
  if (line.which_help == Help::json)
    out << describe_command(syntax, options).dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
  else if (line.help)
    out << command_help(syntax, options, line.which_help == Help::all);
  else if (line.dump_config)
    out << options.to_json(true).dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
  return line.help || line.dump_config;
}

}  // namespace attend
