#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "vision/kind.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const attend::Kind kind = attend::kind_of({data, size});
  if (kind.name.empty() && kind.use != attend::Kind::kOther) std::abort();
  return 0;
}
