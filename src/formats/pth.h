// PyTorch's own files of weights (`torch.save`), read without Python and without running anything in them.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "formats/tensor_view.h"

namespace attend::formats {

/// The tensors of a .pth file, in the order of their names: a zip archive (PyTorch 1.6 and later), the pickles before that, or
/// a Python wheel or other zip archive with a single .pth in it. They have the types and strides they were saved with; those
/// that shared memory share it again. Nothing of `bytes` is needed after the call.
/// Where dictionaries are nested ({"state_dict": {…}, "optimizer": …}) the one with the most tensors is taken. A
/// "module." that all names begin with (DataParallel) is taken off.
/// Throws InputError, which begins with `source`, on what is damaged, what lies about its sizes, and whatever would need code
/// to run: that is named and never executed.
std::vector<TensorView> parse_pth(std::span<const std::byte> bytes, const std::string& source);

/// The same of a file.
std::vector<TensorView> read_pth(const std::filesystem::path& path);

}  // namespace attend::formats
