#include "formats/weights.h"

#include "base/files.h"
#include "formats/pth.h"
#include "formats/safetensors.h"

namespace attend::formats {

std::vector<TensorView> parse_weights(std::span<const std::byte> bytes, const std::shared_ptr<const void>& owner,
                                      const std::string& source) {
  // Eight bytes of length, then JSON. Neither a zip archive nor a pickle of PyTorch's has a brace there.
  const bool is_safetensors = bytes.size() > 8 && bytes[8] == std::byte{'{'};
  return is_safetensors ? parse_safetensors(bytes, owner, source).tensors : parse_pth(bytes, source);
}

std::vector<TensorView> read_weights(const std::filesystem::path& path) {
  const auto file = std::make_shared<MappedFile>(path);
  return parse_weights(file->bytes(), file, path.string());
}

}  // namespace attend::formats
