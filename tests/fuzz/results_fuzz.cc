// Results files: what is accepted is written and read back as it was.
#include <cstdlib>

#include "base/error.h"
#include "data/results.h"
#include "memory_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    const attend::fuzz::MemoryFile file(data, size), copy("", 0);
    attend::is_results(file.path());
    const auto results = attend::read_results(file.path());
    attend::write_results(copy.path(), results);
    const auto again = attend::read_results(copy.path());
    if (again.size() != results.size()) std::abort();
    for (size_t i = 0; i < again.size(); ++i)
      if (again[i].caption != results[i].caption || again[i].image_id.json() != results[i].image_id.json())
        std::abort();
  } catch (const attend::Error&) {
  }
  return 0;
}
