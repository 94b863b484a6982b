// Weights that other frameworks publish, whatever file they come in.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "model/encoder.h"

namespace attend {

/// The tensors of a safetensors file, a PyTorch file or a Python wheel with one in it (see read_safetensors, read_pth):
/// the content decides, not the name. They may be read-only views. Throws InputError.
TensorMap read_weights(const std::filesystem::path& path);

/// Throws InputError naming `source` and the tensor where it is no tensor of floating-point numbers, or one of them isn't
/// finite in fp32.
void require_finite(const torch::Tensor& tensor, const std::string& name, const std::string& source);

/// `text` from outside as an error message can carry it: in quotes, on one line, not too long.
std::string quote(std::string_view text);

}  // namespace attend
