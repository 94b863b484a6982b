// What is accepted is written, and reads back as it was.
#include <algorithm>

#include "base/error.h"
#include "formats/safetensors.h"
#include "memory_file.h"
#include "tensor_walk.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace attend::formats;
  try {
    const auto file = parse_safetensors(std::as_bytes(std::span(data, size)), nullptr, "input");
    attend::fuzz::walk(file.tensors);
    const attend::fuzz::MemoryFile copy("", 0);
    write_safetensors(copy.path(), file.tensors, file.metadata.get<std::map<std::string, std::string>>());
    const auto again = read_safetensors(copy.path());
    if (again.tensors.size() != file.tensors.size() || again.metadata != file.metadata) std::abort();
    for (const auto& one : file.tensors) {
      const auto same = std::find_if(again.tensors.begin(), again.tensors.end(),
                                     [&](const auto& other) { return other.name == one.name; });
      if (same == again.tensors.end() || same->type != one.type || same->shape != one.shape ||
          !std::equal(one.bytes.begin(), one.bytes.end(), same->bytes.begin(), same->bytes.end()))
        std::abort();
    }
  } catch (const attend::InputError&) {
  }
  return 0;
}
