#include <cstdlib>

#include "base/error.h"
#include "formats/zip_archive.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    attend::formats::ZipArchive archive(std::as_bytes(std::span(data, size)), "input");
    for (const auto& name : archive.names()) {
      try {
        const auto bytes = archive.read(name);
        if (bytes.size != archive.size(name)) std::abort();
      } catch (const attend::InputError&) {
      }
    }
  } catch (const attend::InputError&) {
  }
  return 0;
}
