// Weights that frameworks publish, whatever file they come in.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "formats/tensor_view.h"

namespace attend::formats {

/// The tensors of a safetensors file, a PyTorch file or a Python wheel with one in it (parse_safetensors(), parse_pth()): the
/// content decides, not the name. Throws InputError.
std::vector<TensorView> parse_weights(std::span<const std::byte> bytes, const std::shared_ptr<const void>& owner,
                                      const std::string& source);

/// The same of a file. They may be read-only views of it.
std::vector<TensorView> read_weights(const std::filesystem::path& path);

}  // namespace attend::formats
