// The tests' model taken apart, to be changed and written again.
#pragma once

#include <cstring>
#include <string>

#include "base/files.h"

namespace attend::testing {

struct TinyModel {
  Json header;          // of the safetensors file
  std::string tensors;  // the bytes behind it

  explicit TinyModel(const std::filesystem::path& file = ATTEND_TINY_MODEL) {
    const std::string whole = read_file(file);
    uint64_t size = 0;
    std::memcpy(&size, whole.data(), sizeof size);
    header = Json::parse(whole.substr(8, size));
    tensors = whole.substr(8 + size);
  }

  /// Metadata `key`, a JSON text, changed by `change`.
  template <class Change>
  void edit(const char* key, Change change) {
    Json value = Json::parse(header["__metadata__"][key].get<std::string>());
    change(value);
    header["__metadata__"][key] = value.dump();
  }

  /// The file as it now is.
  std::string bytes() const {
    std::string text = header.dump();
    text.append((8 - text.size() % 8) % 8, ' ');
    const uint64_t size = text.size();
    return std::string(reinterpret_cast<const char*>(&size), sizeof size) + text + tensors;
  }
};

}  // namespace attend::testing
