#include "model/weights.h"

#include "base/files.h"
#include "model/pth.h"
#include "model/safetensors.h"

namespace attend {
namespace {

/// Eight bytes of length, then JSON. Neither a zip archive nor a pickle of PyTorch's has a brace there.
bool is_safetensors(const std::filesystem::path& path) {
  const MappedFile file(path);
  return file.bytes().size() > 8 && file.bytes()[8] == std::byte{'{'};
}

}  // namespace

TensorMap read_weights(const std::filesystem::path& path) {
  return is_safetensors(path) ? read_safetensors(path).tensors : read_pth(path);
}

std::string quote(std::string_view text) {
  constexpr size_t kMost = 120;
  std::string shown(text.substr(0, kMost));
  if (text.size() > kMost) shown += "...";
  return Json(shown).dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace attend
