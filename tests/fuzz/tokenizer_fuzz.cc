#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "text/ptb_tokenizer.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  for (const auto& token : attend::ptb_tokenize({reinterpret_cast<const char*>(data), size}))
    if (token.empty()) std::abort();
  return 0;
}
