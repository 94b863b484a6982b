// Objects in pictures as COCO's instances have them, and tables of the words that name them.
#include <cstdlib>

#include "base/error.h"
#include "data/instances.h"
#include "memory_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const attend::fuzz::MemoryFile file(data, size);
  try {
    attend::read_category_words(file.path());
  } catch (const attend::InputError&) {
  }
  try {
    const attend::Instances instances(file.path());
    const auto names = instances.category_words();
    std::vector<std::string> words;
    for (const auto& [word, categories] : names) words.push_back(word);
    for (int64_t picture = 0; picture < 4; ++picture) {
      if (!instances.knows(picture)) continue;
      try {
        for (const auto& object : instances.named_by(picture, words, names))
          if (object.mask.empty() || object.words.empty()) std::abort();
      } catch (const attend::InputError&) {
      }
    }
  } catch (const attend::InputError&) {
  }
  return 0;
}
