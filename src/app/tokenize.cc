#include <cstdio>
#include <iostream>
#include <string>

#include "app/commands.h"
#include "base/error.h"
#include "text/ptb_tokenizer.h"

namespace attend {
namespace {

CommandSyntax tokenize_syntax() {
  return {
      "tokenize",
      "",
      0,
      0,
      "Reads lines from standard input and writes the tokens of each that figures are computed from, separated by "
      "blanks: lower-cased Penn Treebank tokens as Stanford's PTBTokenizer 3.4.1 makes them, without punctuation. A "
      "line without any stays an empty line. Takes any bytes.",
      {{"attend tokenize < captions.txt", "the words of each caption"},
       {"echo \"It's 5 o'clock.\" | attend tokenize --all", "it 's 5 o'clock ."}}};
}

}  // namespace

int tokenize_command(const std::vector<std::string>& arguments) {
  bool all = false;
  OptionList list;
  list.section("", "Output");
  list.add("all", all, "keep punctuation");
  const CommandLine line = parse_command_line(arguments, list, tokenize_syntax());
  if (line.help) return answer(line, tokenize_syntax(), list, std::cout), 0;

  std::ios::sync_with_stdio(false);
  std::cin.tie(nullptr);
  std::string text, out;
  while (std::getline(std::cin, text)) {
    out.clear();
    for (const auto& token : all ? ptb_tokenize(text) : caption_tokens(text)) {
      if (!out.empty()) out += ' ';
      out += token;
    }
    out += '\n';
    std::cout << out;
    // Who writes a line and waits for its tokens gets them; in a file or a full pipe nothing waits.
    if (std::cin.rdbuf()->in_avail() <= 0) std::cout.flush();
    if (!std::cout) break;  // main() says so
  }
  if (std::cin.bad()) throw InputError("standard input: can't be read");
  return 0;
}

}  // namespace attend
