#include "model/weights.h"

#include <algorithm>
#include <iterator>
#include <memory>
#include <span>
#include <utility>

#include "base/error.h"
#include "formats/weights.h"

namespace attend {
namespace {

using formats::ElementType;

constexpr std::pair<ElementType, torch::ScalarType> kTypes[] = {
    {ElementType::kFloat64, torch::kFloat64}, {ElementType::kFloat32, torch::kFloat32},
    {ElementType::kFloat16, torch::kFloat16}, {ElementType::kBFloat16, torch::kBFloat16},
    {ElementType::kInt64, torch::kInt64},     {ElementType::kInt32, torch::kInt32},
    {ElementType::kInt16, torch::kInt16},     {ElementType::kInt8, torch::kInt8},
    {ElementType::kUInt8, torch::kUInt8},     {ElementType::kBool, torch::kBool}};

torch::Tensor tensor_of(const formats::TensorView& view) {
  const auto* type =
      std::find_if(std::begin(kTypes), std::end(kTypes), [&](const auto& t) { return t.first == view.type; });
  if (view.bytes.empty()) return torch::empty(view.shape, type->second);  // as given
  auto* data = const_cast<std::byte*>(view.bytes.data());
  return torch::from_blob(
      data, view.shape, view.strides, [owner = view.owner](void*) {}, type->second);  // as given
}

formats::TensorView view_of(const std::string& name, const torch::Tensor& tensor) {
  const auto* type = std::find_if(std::begin(kTypes), std::end(kTypes),
                                  [&](const auto& t) { return tensor.defined() && tensor.scalar_type() == t.second; });
  if (type == std::end(kTypes)) throw Error("tensor " + quote(name) + " has a type that can't be written");
  const auto plain = std::make_shared<torch::Tensor>(tensor.detach().to(torch::kCPU).contiguous());  // as given
  const std::span bytes(static_cast<const std::byte*>(plain->data_ptr()), plain->nbytes());
  return {name, type->first, plain->sizes().vec(), formats::row_major_strides(plain->sizes().vec()), bytes, plain};
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

TensorMap tensors_of(const std::vector<formats::TensorView>& views) {
  TensorMap tensors;
  for (const auto& view : views) tensors.emplace(view.name, tensor_of(view));
  return tensors;
}

std::vector<formats::TensorView> views_of(const TensorMap& tensors) {
  std::vector<formats::TensorView> views;
  for (const auto& [name, tensor] : tensors) views.push_back(view_of(name, tensor));
  return views;
}

TensorMap read_weights(const std::filesystem::path& path) { return tensors_of(formats::read_weights(path)); }

void require_finite(const torch::Tensor& tensor, const std::string& name, const std::string& source) {
  const auto plain = tensor.detach().to(torch::kCPU);
  if (!plain.is_floating_point())
    throw InputError(source + ": tensor " + quote(name) + " has numbers of type " + c10::toString(plain.scalar_type()) +
                     "; weights are floating-point numbers");
  if (!is_finite(plain))
    throw InputError(source + ": tensor " + quote(name) +
                     " holds NaN or infinity: the file is damaged, or its training went astray");
}

}  // namespace attend
