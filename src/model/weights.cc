#include "model/weights.h"

#include "base/error.h"
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

/// Whether one of the numbers, given as their bits, has all bits of its exponent set: infinity or NaN.
template <class Bits>
bool has_special(const torch::Tensor& tensor, Bits exponent) {
  const auto plain = tensor.contiguous();
  const auto* bits = static_cast<const Bits*>(plain.data_ptr());
  Bits found = 0;  // without a branch, so that many are looked at together
  for (int64_t i = 0; i < plain.numel(); ++i) found |= static_cast<Bits>((bits[i] & exponent) == exponent);
  return found != 0;
}

bool is_finite(const torch::Tensor& tensor) {
  switch (tensor.scalar_type()) {
    case torch::kFloat:
      return !has_special<uint32_t>(tensor, 0x7f800000);
    case torch::kHalf:
      return !has_special<uint16_t>(tensor, 0x7c00);
    case torch::kBFloat16:
      return !has_special<uint16_t>(tensor, 0x7f80);
    default:
      return is_finite(tensor.to(torch::kFloat));
  }
}

}  // namespace

TensorMap read_weights(const std::filesystem::path& path) {
  return is_safetensors(path) ? read_safetensors(path).tensors : read_pth(path);
}

void require_finite(const torch::Tensor& tensor, const std::string& name, const std::string& source) {
  const auto plain = tensor.detach().to(torch::kCPU);
  if (!plain.is_floating_point())
    throw InputError(source + ": tensor " + quote(name) + " has numbers of type " + c10::toString(plain.scalar_type()) +
                     "; weights are floating-point numbers");
  if (!is_finite(plain))
    throw InputError(source + ": tensor " + quote(name) +
                     " holds NaN or infinity: the file is damaged, or its training went astray");
}

std::string quote(std::string_view text) {
  constexpr size_t kMost = 120;
  std::string shown(text.substr(0, kMost));
  if (text.size() > kMost) shown += "...";
  return Json(shown).dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace attend
