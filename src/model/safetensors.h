// Safetensors files of LibTorch's tensors: formats/safetensors.h with the adapters of model/weights.h.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>

#include "base/files.h"
#include "model/encoder.h"

namespace attend {

struct SafetensorsFile {
  TensorMap tensors;
  Json metadata = Json::object();  // the header's __metadata__: string → string, in the order of their keys
};

/// The tensors of a mapped file, on the CPU; they share its memory and keep it, READ-ONLY (see tensors_of()). Throws InputError.
SafetensorsFile read_safetensors(const std::filesystem::path& path);

/// The same of a file in memory, which `owner` keeps. `source` names it in errors.
SafetensorsFile parse_safetensors(std::span<const std::byte> bytes, const std::shared_ptr<const void>& owner,
                                  const std::string& source);

/// Writes the tensors (any strides, any device) and the metadata, atomically. Throws Error.
void write_safetensors(const std::filesystem::path& path, const TensorMap& tensors,
                       const std::map<std::string, std::string>& metadata);

}  // namespace attend
