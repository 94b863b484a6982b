#include "model/safetensors.h"

#include "formats/safetensors.h"
#include "model/weights.h"

namespace attend {
namespace {

SafetensorsFile with_tensors(formats::SafetensorsFile file) {
  return {tensors_of(file.tensors), std::move(file.metadata)};
}

}  // namespace

SafetensorsFile read_safetensors(const std::filesystem::path& path) {
  return with_tensors(formats::read_safetensors(path));
}

SafetensorsFile parse_safetensors(std::span<const std::byte> bytes, const std::shared_ptr<const void>& owner,
                                  const std::string& source) {
  return with_tensors(formats::parse_safetensors(bytes, owner, source));
}

void write_safetensors(const std::filesystem::path& path, const TensorMap& tensors,
                       const std::map<std::string, std::string>& metadata) {
  formats::write_safetensors(path, views_of(tensors), metadata);
}

}  // namespace attend
