#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "base/error.h"
#include "vision/name_list.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view list(reinterpret_cast<const char*>(data), size);
  for (const char end : {'\n', '\0'}) {
    try {
      for (const auto& name : attend::parse_name_list(list, end, "list"))
        if (name.empty() || name.find('\0') != name.npos) std::abort();
    } catch (const attend::InputError&) {
    }
  }
  return 0;
}
