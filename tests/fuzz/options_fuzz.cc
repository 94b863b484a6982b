// A configuration in JSON, then a command line (its arguments end with NUL bytes), over options of every type.
#include <cstdlib>
#include <sstream>
#include <string_view>

#include "base/command_line.h"
#include "base/error.h"
#include "base/json.h"
#include "base/options.h"

namespace {

struct Options {
  bool on = true;
  int whole = 3;
  int64_t large = 1;
  double number = 0.5;
  std::string word = "a";
  std::filesystem::path path;
  std::vector<std::string> words;
  std::vector<std::filesystem::path> paths;

  void list(attend::OptionList& options) {
    options.section("part", "Part");
    options.add("on", on, "a switch");
    options.add("whole", whole, "a whole number", attend::between(-5, 1000));
    options.add("large", large, "a large one");
    options.add("number", number, "a number", attend::at_least(0));
    options.add("word", word, "a word", attend::one_of({"a", "b"}));
    options.section("other", "Other", "other-");
    options.add("path", path, "a path");
    options.add("words", words, "words");
    options.add("paths", paths, "paths");
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    Options options, copy;
    attend::OptionList list, other;
    options.list(list);
    copy.list(other);
    list.read_json(attend::parse_json(text, "input"), "input");
    other.read_json(list.to_json(), "copy");  // what is accepted is written so that it is accepted
    if (other.to_json() != list.to_json()) std::abort();
  } catch (const attend::Error&) {
  }
  std::vector<std::string> arguments;
  std::istringstream lines{std::string(text)};
  for (std::string argument; std::getline(lines, argument, '\0');)
    if (argument.rfind("--config", 0) != 0) arguments.push_back(argument);  // would open any file
  try {
    Options options;
    attend::OptionList list;
    options.list(list);
    const attend::CommandSyntax syntax{"fuzz", "[PATH...]", 0, 100, "", {}};
    std::ostringstream out;
    attend::answer(attend::parse_command_line(arguments, list, syntax), syntax, list, out);
  } catch (const attend::UsageError&) {
  }
  return 0;
}
