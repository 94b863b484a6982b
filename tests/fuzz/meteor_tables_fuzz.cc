// METEOR's compact tables: looked up in all ways once they are accepted.
#include "base/error.h"
#include "memory_file.h"
#include "metrics/meteor_tables.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    const attend::fuzz::MemoryFile file(data, size);
    const attend::MeteorTables tables(file.path());
    for (const char* text : {"a", "dog", "dogs", ""}) {
      tables.synonym_sets(text);
      const auto word = tables.word(text);
      if (!word) continue;
      tables.is_function_word(*word);
      const uint32_t phrase = tables.longer(attend::MeteorTables::kNoPhrase, *word);
      tables.times_paraphrased(phrase, tables.longer(phrase, *word));
    }
  } catch (const attend::Error&) {
  }
  return 0;
}
