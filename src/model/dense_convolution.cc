#include "model/dense_convolution.h"

namespace attend {

torch::Tensor dense_convolution(const torch::Tensor& x, const Convolution& convolution) {
  const auto type = x.scalar_type();
  const std::vector<int64_t> strides(2, convolution.stride), paddings(2, convolution.kernel() / 2);
  return torch::conv2d(x, convolution.channels_last(type), convolution.bias.to(type), strides,
                       paddings);  // [N, O, h, w]
}

torch::Tensor imagenet_input(const torch::Tensor& pictures, torch::ScalarType type) {
  const auto options = torch::dtype(torch::kFloat).device(pictures.device());
  const auto mean = torch::tensor({0.485f, 0.456f, 0.406f}, options);         // [3]
  const auto deviation = torch::tensor({0.229f, 0.224f, 0.225f}, options);    // [3]
  const auto scaled = (pictures.to(torch::kFloat) / 255 - mean) / deviation;  // [B, S, S, 3]
  return scaled.to(type).permute({0, 3, 1, 2});                               // [B, 3, S, S]
}

}  // namespace attend
