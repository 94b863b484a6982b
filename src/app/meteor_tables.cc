#include "metrics/meteor_tables.h"

#include <iostream>

#include "app/commands.h"

namespace attend {
namespace {

CommandSyntax meteor_tables_syntax() {
  return {"meteor-tables",
          "FOLDER FILE",
          2,
          2,
          "Makes the compact file of METEOR's tables that `attend evaluate` maps, from METEOR's own English data in a "
          "folder: english.words, english.synsets, english.exceptions and paraphrase-en (unpacked). tools/fetch-meteor "
          "downloads the data and runs this.",
          {}};
}

}  // namespace

int meteor_tables_command(const std::vector<std::string>& arguments) {
  OptionList list;
  const CommandLine line = parse_command_line(arguments, list, meteor_tables_syntax());
  if (line.help) return answer(line, meteor_tables_syntax(), list, std::cout), 0;
  write_meteor_tables(line.positional[0], line.positional[1]);
  return 0;
}

}  // namespace attend
