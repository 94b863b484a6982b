// PyTorch's own files of weights (`torch.save`), read without Python and without running anything in them.
#pragma once

#include <filesystem>

#include "model/encoder.h"

namespace attend {

/// Reads the tensors of a .pth file: a zip archive (PyTorch 1.6 and later), the pickles before that, or a Python wheel
/// or other zip archive with a single .pth in it. They come on the CPU, in the types and strides they were saved with;
/// those that shared memory share it again.
/// Where dictionaries are nested ({"state_dict": {…}, "optimizer": …}) the one with the most tensors is taken. A
/// "module." that all names begin with (DataParallel) is taken off.
/// Throws InputError, which names the file, on what is damaged, what lies about its sizes, and whatever would need code
/// to run: that is named and never executed.
TensorMap read_pth(const std::filesystem::path& path);

}  // namespace attend
