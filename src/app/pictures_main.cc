// attend-pictures: the commands that read and draw pictures, but need no LibTorch. `attend` becomes this program when one of them
// is asked for.
#include <map>
#include <string>
#include <vector>

#include "app/commands.h"
#include "app/evaluation.h"
#include "app/exit_status.h"
#include "app/other_program.h"
#include "base/error.h"

namespace attend {
namespace {

int run(const std::vector<std::string>& arguments, char** values) {
  static const std::map<std::string, CommandFunction> commands{
      {"check", check_command}, {"convert", convert_command}, {"report", report_command}, {"shapes", shapes_command}};
  const std::string name = arguments.empty() ? "" : arguments[0];
  const std::vector<std::string> rest(arguments.begin() + !arguments.empty(), arguments.end());
  if (name == "evaluate") {
    if (const auto status = evaluate_results(rest)) return *status;
    become(kTensorsProgram, values);
  }
  const auto found = commands.find(name);
  if (found == commands.end()) throw UsageError("attend-pictures is a part of attend; run `attend` instead");
  return found->second(rest);
}

}  // namespace
}  // namespace attend

int main(int count, char** values) {
  return attend::exit_status([&] { return attend::run({values + 1, values + count}, values); });
}
