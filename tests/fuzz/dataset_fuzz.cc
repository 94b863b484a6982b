// Captions files, with and without their pictures looked for, and the masks in them.
#include "base/error.h"
#include "data/dataset.h"
#include "data/masks.h"
#include "memory_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const attend::fuzz::MemoryFile file(data, size);
  for (const char* images : {"", "/nowhere"}) {
    try {
      attend::read_captions(file.path(), images, "train", 1);
    } catch (const attend::Error&) {
    }
  }
  try {
    attend::read_masks(file.path());
  } catch (const attend::Error&) {
  }
  return 0;
}
