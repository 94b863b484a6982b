// Manual pages in roff's man macros (groff_man(7)), from what every command says of itself.
#include <cctype>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <sstream>

#include "app/command_list.h"
#include "app/every_command.h"
#include "app/other_program.h"
#include "base/atomic_file.h"
#include "base/error.h"
#include "base/folder.h"

namespace attend {
namespace {

/// A line as roff takes it: each character for itself.
std::string escaped(const std::string& line) {
  std::string out = line.starts_with('.') || line.starts_with('\'') ? "\\&" : "";
  for (size_t i = 0; i < line.size(); ++i) {
    const auto byte = static_cast<unsigned char>(line[i]);
    if (byte == '\\') {
      out += "\\e";
    } else if (byte == '-') {
      out += "\\-";
    } else if (byte < 0x80) {
      out += line[i];
    } else {  // UTF-8: as many bytes as ones stand at the head of the first
      uint32_t code = byte & (byte >= 0xF0 ? 0x07 : byte >= 0xE0 ? 0x0F : 0x1F);
      for (; i + 1 < line.size() && (line[i + 1] & 0xC0) == 0x80; ++i) code = code << 6 | (line[i + 1] & 0x3F);
      char name[16];
      std::snprintf(name, sizeof name, "\\[u%04X]", code);
      out += name;
    }
  }
  return out;
}

/// Text, in lines.
std::string roff(const std::string& text) {
  std::string out;
  std::istringstream lines(wrap(text, 0));
  for (std::string line; std::getline(lines, line);) out += (out.empty() ? "" : "\n") + escaped(line);
  return out;
}

std::string bold(const std::string& line) { return "\\fB" + escaped(line) + "\\fR"; }

std::string head(const std::string& page, const std::string& date) {
  std::string title = page;
  for (auto& c : title) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return ".\\\" Made by `attend man`.\n.TH " + roff(title) + " 1 \"" + date +
         "\" \"attend " ATTEND_VERSION "\" \"User Commands\"\n.SH NAME\n" + roff(page) + " \\- ";
}

std::string options_text(const Json& options) {
  std::string out = ".SH OPTIONS\n", group;
  for (const auto& option : options) {
    if (option["group"] != group) out += ".SS " + roff(group = option["group"]) + "\n";
    std::string name = bold(option["option"]);
    if (option.contains("on")) name = bold("--[no-]" + option["option"].get<std::string>().substr(2));
    if (option.contains("short")) name = bold(option["short"]) + ", " + name;
    if (option["value"] != "") name += " \\fI" + roff(option["value"]) + "\\fR";
    const std::string notes = option["notes"];
    out += ".TP\n" + name + "\n" + roff(option["help"].get<std::string>() + (notes.empty() ? "" : " (" + notes + ")")) +
           "\n";
  }
  return out;
}

constexpr const char* kExitStatus =
    ".SH EXIT STATUS\n"
    "0 where all went well, 1 where something could not be done, 2 where the command line is wrong, and 128 and the "
    "signal's\n"
    "number where a signal ended it: 130 after Ctrl\\-C.\n"
    "What went wrong is said on standard error, a line each.\n";

std::string command_page(const Json& command, const std::string& date) {
  const std::string name = command["name"];
  std::string out = head("attend-" + name, date) + roff(command["summary"]) + "\n.SH SYNOPSIS\n" +
                    bold("attend " + name) + " [\\fIoptions\\fR]" +
                    (command["arguments"] == "" ? "" : " " + escaped(command["arguments"])) + "\n.SH DESCRIPTION\n" +
                    roff(command["description"]) + "\n" + options_text(command["options"]) + kExitStatus;
  if (!command["examples"].empty()) out += ".SH EXAMPLES\n";
  for (const auto& example : command["examples"]) out += ".TP\n" + bold(example[0]) + "\n" + roff(example[1]) + "\n";
  return out + ".SH SEE ALSO\n.BR attend (1)\n";
}

std::string overview_page(const std::string& date) {
  std::string out =
      head("attend", date) +
      "caption pictures and show where every word looked\n.SH SYNOPSIS\n\\fBattend\\fR \\fICOMMAND\\fR "
      "[\\fIoptions\\fR] [\\fIarguments\\fR]\n.SH DESCRIPTION\n" +
      roff(
          "attend writes a caption for a photograph and shows where it looked at each word. It is the model of "
          "Show, Attend and Tell (Xu et al., 2015). The model that comes with it is used unless another is named.") +
      "\n.SH COMMANDS\n";
  for (const auto& command : command_summaries())
    out += ".TP\n" + bold(command.name) + "\n" + roff(command.summary) + "\n";
  out += ".SH OPTIONS\n.TP\n" + bold("-h") + ", " + bold("--help") + "\nlist the commands and stop\n.TP\n" +
         bold("--version") + "\nsay which attend this is, and which set of instructions it computes with\n";
  out += std::string(kExitStatus) + ".SH ENVIRONMENT\n.TP\n" + bold("ATTEND_MODEL") +
         "\nmodel file to use where none is named, in place of the one that comes with attend\n.TP\n" +
         bold("ATTEND_INSTRUCTIONS") +
         "\nset of instructions to compute with: plain, avx2, avx2_vnni, avx512, avx512_vnni or avx512_bf16\n";
  out += ".SH EXAMPLES\n.TP\n" + bold("attend caption photo.jpg") + "\ncaption a picture\n.TP\n" +
         bold("attend caption photos --html photos.html") + "\na page to look at, in one file\n.SH SEE ALSO\n";
  const auto commands = command_summaries();
  for (size_t i = 0; i < commands.size(); ++i)
    out += ".BR attend\\-" + roff(commands[i].name) + (i + 1 < commands.size() ? " (1),\n" : " (1)\n");
  return out;
}

}  // namespace

int man_command(const std::vector<std::string>& arguments) {
  const CommandSyntax syntax{
      "man",
      "[COMMAND]",
      0,
      1,
      "Prints the manual page of attend, or of a command, for man to show. An installed attend has "
      "brought them along: man attend, man attend-caption.",
      {{"attend man caption | man -l -", "read about a command"},
       {"attend man --output ~/.local/share/man/man1", "all pages, for `man attend-caption`"}}};
  std::filesystem::path output;
  std::string date;
  OptionList options;
  options.section("", "Output");
  options.add("output", output, "write all pages to this folder, attend.1 and one a command");
  options.add("date", date, "what the pages are dated, as 2026-11-30");
  const CommandLine line = parse_command_line(arguments, options, syntax);
  if (answer(line, syntax, options, std::cout)) return 0;
  if (!output.empty() && !line.positional.empty()) throw UsageError("--output: is for all pages; name no command");
  for (const char c : date)
    if (c < '-' || c > '9') throw UsageError("--date: " + date + " is no date; write it as 2026-11-30");
  const auto page_of = [&](const CommandSummary& command) { return command_page(describe_command(command), date); };
  if (output.empty()) {
    std::string page = overview_page(date);
    if (!line.positional.empty()) {
      const CommandSummary* found = nullptr;
      for (const auto& command : command_summaries())
        if (line.positional[0] == command.name) found = &command;
      if (!found) refuse_command(line.positional[0]);
      page = page_of(*found);
    }
    std::cout << page;
    return 0;
  }
  make_folder(output);
  write_file_atomically(output / "attend.1", overview_page(date));
  for (const char* program : {kPicturesProgram, kTensorsProgram})  // what attend becomes; of no use by themselves
    write_file_atomically(output / (std::string(program) + ".1"), ".so man1/attend.1\n");
  for (const auto& command : command_summaries())
    write_file_atomically(output / (std::string("attend-") + command.name + ".1"), page_of(command));
  return 0;
}

}  // namespace attend
