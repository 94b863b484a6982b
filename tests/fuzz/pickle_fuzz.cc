#include <cstdlib>

#include "base/error.h"
#include "formats/pickle.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  size_t position = 0;
  try {
    while (position < size) {
      const size_t before = position;
      const attend::formats::pickle::Pickle pickle(std::as_bytes(std::span(data, size)), position, "input");
      if (position <= before || position > size) std::abort();
      for (const auto* storage : pickle.storages())
        if (storage->size < 0 || storage->view_begin < 0 || storage->view_size < 0) std::abort();
    }
  } catch (const attend::InputError&) {
  }
  return 0;
}
