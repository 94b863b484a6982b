// attend-tensors: the commands that need LibTorch. `attend` becomes this program when one of them is asked for.
#include <malloc.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "app/every_command.h"
#include "app/exit_status.h"
#include "base/error.h"

namespace attend {
namespace {

int run(const std::vector<std::string>& arguments) {
  const auto& commands = every_command();
  const auto found = arguments.empty() ? commands.end() : commands.find(arguments[0]);
  if (found == commands.end()) throw UsageError("attend-tensors is a part of attend; run `attend` instead");
  return found->second({arguments.begin() + 1, arguments.end()});
}

}  // namespace
}  // namespace attend

int main(int count, char** values) {
  // What a batch's large tensors leave is for the next batch, whichever thread computes it: given back to the system, every
  // page would have to be zeroed again, and in an arena a thread it would lie idle.
  mallopt(M_ARENA_MAX, 1);
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
  const int status = attend::exit_status([&] { return attend::run({values + 1, values + count}); });
  // Everything is written. Not by return: LibTorch would spend 50 ms on taking down what the system does away with anyway.
  std::fflush(nullptr);
  std::_Exit(status);
}
