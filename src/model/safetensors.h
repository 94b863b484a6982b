// Files of tensors in the safetensors format (https://github.com/huggingface/safetensors, README, "Format"): eight
// bytes with the length of the header, the header as JSON, then the tensors' bytes, little-endian, one after another.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "base/files.h"
#include "model/encoder.h"

namespace attend {

struct SafetensorsFile {
  TensorMap tensors;
  Json metadata = Json::object();  // the header's __metadata__: string → string, in the order of their keys
};

/// Maps the file and returns its tensors, on the CPU, in their own shapes and types (F64 F32 F16 BF16 I64 I32 I16 I8 U8
/// BOOL). They are views of the mapping, which lives as long as any of them: READ-ONLY, writing to one ends the
/// process; copy it first. Nothing is returned before every length, type, shape and offset has been checked: an
/// InputError names the file and the tensor.
SafetensorsFile read_safetensors(const std::filesystem::path& path);

/// Writes the tensors (of the types above, any strides, any device) and the metadata, atomically. They are written one
/// by one, the widest type first so that all lie aligned: no more than one tensor is ever copied. Throws Error.
void write_safetensors(const std::filesystem::path& path, const TensorMap& tensors,
                       const std::map<std::string, std::string>& metadata);

}  // namespace attend
