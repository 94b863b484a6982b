// Texts of sentences, gzipped or not.
#include <cstdlib>

#include "base/error.h"
#include "data/sentences.h"
#include "memory_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const attend::fuzz::MemoryFile file(data, size);
  try {
    for (const auto& sentence : attend::read_sentences(file.path(), 1))
      if (sentence.empty() || sentence.find('\n') != sentence.npos) std::abort();
  } catch (const attend::InputError&) {
  }
  return 0;
}
