#include "app/other_program.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string_view>

#include "base/error.h"
#include "base/memory_limit.h"
#include "base/processor.h"

namespace attend {

void become(const char* program, char** values) {
  if (std::string_view(program) == kTensorsProgram) {
    require_memory(1);
    prepare_tensor_libraries();
  }
  const auto path = std::filesystem::read_symlink("/proc/self/exe").parent_path() / program;
  ::execv(path.c_str(), values);
  throw Error(path.string() + ": can't be run: " + std::strerror(errno) + "; attend needs it beside itself");
}

}  // namespace attend
