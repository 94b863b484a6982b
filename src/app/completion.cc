// Completion for three shells, written out from what every command says of itself: no shell starts attend while one types.
#include <algorithm>
#include <cctype>
#include <iostream>
#include <map>
#include <vector>

#include "app/command_list.h"
#include "app/every_command.h"
#include "base/error.h"

namespace attend {
namespace {

/// What may follow a command or an option that takes a value.
struct Values {
  std::vector<std::string> words;
  bool files = false;
};

std::string join(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  for (size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += by.size())
    text.replace(at, what.size(), by);
  return text;
}

/// As a word of a shell: 'it'\''s'.
std::string quoted(const std::string& text) { return "'" + replaced(text, "'", "'\\''") + "'"; }

/// The beginning of a help text, for a line of a menu.
std::string brief(const std::string& text) {
  constexpr size_t kMost = 72;
  if (text.size() <= kMost) return text;
  return text.substr(0, text.rfind(' ', kMost)) + " ...";
}

Values values_of_option(const Json& option) {
  if (option.contains("choices")) return {option["choices"], false};
  return {{}, option["value"] == "PATH"};
}

/// "[PATH...]", "bash|zsh|fish|json", "[COMMAND]" or ""
Values values_of_arguments(const Json& command) {
  std::string text = command["arguments"];
  text.erase(std::remove_if(text.begin(), text.end(), [](char c) { return c == '[' || c == ']'; }), text.end());
  if (text == "COMMAND") return {command_names(), false};
  const bool words = !text.empty() && text.find_first_not_of("abcdefghijklmnopqrstuvwxyz|") == text.npos;
  Values values{{}, !words && !text.empty() && text[0] != '-'};
  for (size_t begin = 0, end; words && begin < text.size(); begin = end + 1) {
    end = std::min(text.find('|', begin), text.size());
    values.words.push_back(text.substr(begin, end - begin));
  }
  return values;
}

/// The options that have a flag, each spelling of it: "--sidecar", "--no-attention".
std::vector<std::string> spellings(const Json& option) {
  const std::string flag = option["option"];
  if (flag.rfind("--", 0) != 0) return {};  // a key of a configuration
  if (option.contains("on")) return {flag, "--no-" + flag.substr(2)};
  return {flag};
}

constexpr const char* kBashBegin = R"bash(# Completion of attend for bash, made by `attend completion bash`.
_attend() {
  local current=${COMP_WORDS[COMP_CWORD]} before='' command=${COMP_WORDS[1]} options='' values='' files='' i
  COMPREPLY=()
  if ((COMP_CWORD > 1)); then before=${COMP_WORDS[COMP_CWORD - 1]}; fi
  if [[ $current == = ]]; then  # bash parts --option=value in three
    current=''
  elif [[ $before == = ]]; then
    before=${COMP_WORDS[COMP_CWORD - 2]}
  fi
)bash";

constexpr const char* kBashEnd = R"bash(  for ((i = 2; i < COMP_CWORD; ++i)); do
    if [[ ${COMP_WORDS[i]} == -- ]]; then return; fi  # names of files follow, which bash completes by itself
  done
  if [[ $current == -* ]]; then
    values=$options
  elif [[ $files ]]; then
    return
  fi
  compopt +o default +o bashdefault 2>/dev/null
  # shellcheck disable=SC2207
  COMPREPLY=($(compgen -W "$values" -- "$current"))
}
complete -o bashdefault -o default -F _attend attend
)bash";

void write_bash(const std::vector<Json>& commands, std::ostream& out) {
  out << kBashBegin
      << "  if ((COMP_CWORD == 1)); then\n    options='--help --version'\n    values=" << quoted(join(command_names()))
      << "\n  else\n    case $command in\n";
  for (const auto& command : commands) {
    std::vector<std::string> options, with_files, with_anything;
    std::string words;
    for (const auto& option : command["options"]) {
      for (const auto& spelling : spellings(option)) options.push_back(spelling);
      if (option["value"] == "" || spellings(option).empty()) continue;
      const Values values = values_of_option(option);
      if (!values.words.empty())
        words += "          " + option["option"].get<std::string>() +
                 ") options='' values=" + quoted(join(values.words)) + " files='' ;;\n";
      else
        (values.files ? with_files : with_anything).push_back(option["option"]);
    }
    const Values arguments = values_of_arguments(command);
    out << "      " << command["name"].get<std::string>() << ")\n        options=" << quoted(join(options)) << "\n";
    if (arguments.files) out << "        files=1\n";
    if (!arguments.words.empty()) out << "        values=" << quoted(join(arguments.words)) << "\n";
    out << "        case $before in\n" << words;
    if (!with_files.empty()) out << "          " << replaced(join(with_files), " ", " | ") << ") return ;;\n";
    if (!with_anything.empty())
      out << "          " << replaced(join(with_anything), " ", " | ") << ") options='' values='' files='' ;;\n";
    out << "        esac\n        ;;\n";
  }
  out << "    esac\n  fi\n" << kBashEnd;
}

constexpr const char* kZshEnd = R"zsh(  esac
}
# As a file in fpath, this is the function's body; sourced, it says what the function completes.
if [[ $funcstack[1] == _attend ]]; then _attend "$@"; else compdef _attend attend; fi
)zsh";

/// For "option[text]": what is said between brackets.
std::string zsh_text(const std::string& text) {
  std::string escaped = replaced(brief(text), "\\", "\\\\");
  for (const char* mark : {"[", "]", ":"}) escaped = replaced(escaped, mark, std::string("\\") + mark);
  return escaped;
}

std::string zsh_values(const Values& values, const std::string& name) {
  if (!values.words.empty()) return ":" + name + ":(" + join(values.words) + ")";
  return ":" + name + ":" + (values.files ? "_files" : " ");
}

void write_zsh(const std::vector<Json>& commands, std::ostream& out) {
  out << "#compdef attend\n# Completion of attend for zsh, made by `attend completion zsh`.\n_attend() {\n"
         "  if (( CURRENT == 2 )); then\n    local -a commands=(\n";
  for (const auto& command : command_summaries())
    out << "      " << quoted(std::string(command.name) + ":" + replaced(command.summary, ":", "\\:")) << "\n";
  out << "    )\n    _describe command commands\n    return\n  fi\n"
         "  local command=$words[2]\n  shift words\n  (( CURRENT-- ))\n  case $command in\n";
  for (const auto& command : commands) {
    out << "    " << command["name"].get<std::string>() << ")\n      _arguments \\\n";
    for (const auto& option : command["options"])
      for (const auto& spelling : spellings(option)) {
        const bool value = option["value"] != "";
        std::string name = option["value"];
        std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
        out << "        "
            << quoted("*" + spelling + (value ? "=" : "") + "[" + zsh_text(option["help"]) + "]" +
                      (value ? zsh_values(values_of_option(option), name) : ""))
            << " \\\n";
      }
    const Values arguments = values_of_arguments(command);
    out << "        "
        << quoted(arguments.files || !arguments.words.empty() ? "*" + zsh_values(arguments, "argument") : "*: : ")
        << "\n      ;;\n";
  }
  out << kZshEnd;
}

void write_fish(const std::vector<Json>& commands, std::ostream& out) {
  out << "# Completion of attend for fish, made by `attend completion fish`.\n"
         "function __attend_command\n"
         "    set -l words (commandline -opc)\n"
         "    test (count $words) -gt 1; and test \"$words[2]\" = \"$argv[1]\"\n"
         "end\n"
         "function __attend_no_command\n"
         "    test (count (commandline -opc)) -eq 1\n"
         "end\n"
         "complete -c attend -f\n";
  for (const auto& command : command_summaries())
    out << "complete -c attend -n __attend_no_command -a " << command.name << " -d " << quoted(brief(command.summary))
        << "\n";
  for (const auto& command : commands) {
    const std::string line = "complete -c attend -n '__attend_command " + command["name"].get<std::string>() + "' ";
    const auto values_text = [](const Values& values) {
      return values.words.empty() ? "" : " -a " + quoted(join(values.words));
    };
    const Values arguments = values_of_arguments(command);
    if (arguments.files) out << line << "-F\n";
    if (!arguments.words.empty()) out << line << "-f" << values_text(arguments) << "\n";
    for (const auto& option : command["options"])
      for (const auto& spelling : spellings(option)) {
        out << line << "-l " << spelling.substr(2);
        if (option.contains("short")) out << " -s h";
        if (option["value"] != "") {
          const Values values = values_of_option(option);
          out << (values.files ? " -r -F" : " -x") << values_text(values);
        }
        out << " -d " << quoted(brief(option["help"])) << "\n";
      }
  }
}

void write_json(const std::vector<Json>& commands, std::ostream& out) { out << Json(commands).dump(2) << "\n"; }

}  // namespace

int completion_command(const std::vector<std::string>& arguments) {
  const CommandSyntax syntax{
      "completion",
      "bash|zsh|fish",
      1,
      1,
      "Prints what completes attend's commands, their options, and the words and files that these take, in the shell "
      "named; json: what all of them take, for other programs. An "
      "installed attend has brought it along.",
      {{"source <(attend completion bash)", "complete in this bash"},
       {"attend completion zsh > ~/.zfunc/_attend", "for zsh, where ~/.zfunc is in fpath before compinit"},
       {"attend completion fish > ~/.config/fish/completions/attend.fish", "for fish"}}};
  OptionList options;
  const CommandLine line = parse_command_line(arguments, options, syntax);
  if (answer(line, syntax, options, std::cout)) return 0;
  using Write = void (*)(const std::vector<Json>&, std::ostream&);
  static const std::map<std::string, Write> shells{
      {"bash", write_bash}, {"zsh", write_zsh}, {"fish", write_fish}, {"json", write_json}};
  const auto shell = shells.find(line.positional[0]);
  if (shell == shells.end())
    throw UsageError(line.positional[0] + ": completion is there for bash, zsh and fish, and as json for others");
  std::vector<Json> commands;
  for (const auto& command : command_summaries()) commands.push_back(describe_command(command));
  shell->second(commands, std::cout);
  return 0;
}

}  // namespace attend
