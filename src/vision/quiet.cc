#include "vision/quiet.h"

#include <unistd.h>

#include <cstdio>
#include <mutex>

namespace attend::codecs {
namespace {

thread_local int quiet = 0;

}  // namespace

Quiet::Quiet() {
  static std::once_flag once;
  std::call_once(once, [] {
    cookie_io_functions_t functions{};
    functions.write = [](void*, const char* text, size_t size) -> ssize_t {
      return quiet > 0 ? static_cast<ssize_t>(size) : ::write(STDERR_FILENO, text, size);
    };
    if (FILE* filter = ::fopencookie(nullptr, "w", functions)) {
      std::setvbuf(filter, nullptr, _IONBF, 0);
      stderr = filter;
    }
  });
  ++quiet;
}

Quiet::~Quiet() { --quiet; }

}  // namespace attend::codecs
