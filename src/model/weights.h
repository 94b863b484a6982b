// Weights from files: tensors of what the formats read, and checks of what they hold.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/printable.h"
#include "formats/tensor_view.h"
#include "model/encoder.h"

namespace attend {

/// Tensors on the CPU that share the views' memory and keep it: READ-ONLY where that is a mapped file, writing to one ends
/// the process; copy it first.
TensorMap tensors_of(const std::vector<formats::TensorView>& views);

/// Views of the tensors, which they keep; what isn't contiguous or lies on another device is copied. Throws Error where there
/// is no such type in files, or no tensor.
std::vector<formats::TensorView> views_of(const TensorMap& tensors);

/// The tensors that formats::read_weights() finds. Throws InputError.
TensorMap read_weights(const std::filesystem::path& path);

/// Throws InputError naming `source` and the tensor where it is no tensor of floating-point numbers, or one of them isn't
/// finite in fp32.
void require_finite(const torch::Tensor& tensor, const std::string& name, const std::string& source);

}  // namespace attend
