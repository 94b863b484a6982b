// Files of tensors in the safetensors format (https://github.com/huggingface/safetensors, README, "Format"): eight
// bytes with the length of the header, the header as JSON, then the tensors' bytes, little-endian, one after another.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/json.h"
#include "formats/tensor_view.h"

namespace attend::formats {

struct SafetensorsFile {
  std::vector<TensorView> tensors;  // in the order of their bytes
  Json metadata = Json::object();   // the header's __metadata__: string → string, in the order of their keys
};

/// The tensors of a file in memory, in their own shapes and types (F64 F32 F16 BF16 I64 I32 I16 I8 U8 BOOL). They are views
/// of `bytes`, which `owner` keeps; only what lies unaligned is copied. Nothing is returned before every length, type, shape
/// and offset has been checked: an InputError begins with `source` and names the tensor.
SafetensorsFile parse_safetensors(std::span<const std::byte> bytes, const std::shared_ptr<const void>& owner,
                                  const std::string& source);

/// The same of a file, which is mapped as long as any of its views lives: they are READ-ONLY.
SafetensorsFile read_safetensors(const std::filesystem::path& path);

/// Writes tensors whose elements lie in order (is_row_major()), and the metadata, atomically; the widest type first so that
/// all lie aligned. Throws Error.
void write_safetensors(const std::filesystem::path& path, const std::vector<TensorView>& tensors,
                       const std::map<std::string, std::string>& metadata);

}  // namespace attend::formats
