// Whatever is accepted can be walked and written, and reads back as it was.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "base/error.h"
#include "base/json.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    const attend::Json json = attend::parse_json({reinterpret_cast<const char*>(data), size}, "input");
    if (attend::parse_json(json.dump(), "again") != json) std::abort();
  } catch (const attend::InputError&) {
  }
  return 0;
}
