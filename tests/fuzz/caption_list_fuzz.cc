// Files of captions that somebody gave, of every kind: the first byte says which.
#include <cstdlib>

#include "base/error.h"
#include "data/caption_list.h"
#include "data/temporary_folder.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const attend::TemporaryFolder folder;
  static const char* const names[] = {"a.json", "a.jsonl", "a.csv", "a.tsv", "a.txt", "sidecar.txt"};
  if (size == 0) return 0;
  const size_t kind = data[0] % 6;
  const auto file = folder.write(names[kind], {reinterpret_cast<const char*>(data) + 1, size - 1});
  try {
    size_t refused = 0;
    const auto refuse = [&](const std::string&) { ++refused; };
    const auto list = kind == 5 ? attend::read_sidecars({folder / "sidecar.png"}, refuse)
                                : attend::read_caption_list(file, "images", refuse);
    if (refused != list.refused) std::abort();
    size_t captions = refused;
    for (size_t i = 0; i < list.pictures.size(); ++i) {
      const auto picture = list.pictures[i];
      if (picture.picture.empty() || picture.captions.empty()) std::abort();
      captions += picture.captions.size();
      for (auto caption : picture.captions)
        if (!attend::caption_fault(caption).empty() || caption.find('\n') != caption.npos) std::abort();
    }
    if (captions != list.captions) std::abort();
  } catch (const attend::InputError&) {
  }
  return 0;
}
