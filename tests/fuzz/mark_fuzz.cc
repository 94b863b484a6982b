// Attend's mark in pictures: set in any bytes, looked for in any.
#include <cstdlib>

#include "memory_file.h"
#include "vision/kind.h"
#include "vision/mark.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const attend::fuzz::MemoryFile file(data, size);
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  attend::is_marked(file.path(), std::string_view(bytes).substr(0, attend::kKindBytes));
  const std::string made = attend::marked(bytes);
  if (made.size() < bytes.size()) std::abort();
  if (attend::kind_of({data, size}).name.empty() && made != bytes) std::abort();
  return 0;
}
