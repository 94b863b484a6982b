#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "base/printable.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string shown = attend::printable({reinterpret_cast<const char*>(data), size});
  for (const char c : shown)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) std::abort();
  if (attend::printable(shown) != shown) std::abort();  // nothing is left to write out
  return 0;
}
