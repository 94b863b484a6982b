#include "model/depthwise.h"

#include <ATen/Parallel.h>

#include <algorithm>

#include "kernels/choose.h"
#include "kernels/scratch.h"
#include "model/storage.h"

namespace attend {
namespace {

void check(const DepthwiseGeometry& geometry) {
  TORCH_CHECK(geometry.stride == 1 || geometry.stride == 2, "depthwise_relu6: the stride must be 1 or 2");
  TORCH_CHECK(geometry.kernel == 3 || geometry.kernel == 5, "depthwise_relu6: the kernel must be 3 or 5");
}

}  // namespace

void depthwise_relu6(const DepthwiseGeometry& geometry, const torch::Tensor& x, const torch::Tensor& weight,
                     const torch::Tensor& bias, torch::Tensor& y) {
  check(geometry);
  const auto& set = kernels::chosen();
  const kernels::Depthwise work{geometry,
                                x.size(0),
                                x.size(1),
                                x.size(2),
                                x.size(3),
                                storage_of(x),
                                x.data_ptr(),
                                weight.data_ptr<float>(),
                                bias.data_ptr<float>(),
                                y.data_ptr()};
  const kernels::Scratch prepared(set.depthwise_prepared_bytes(work));
  set.depthwise_prepare(work, prepared.data());
  at::parallel_for(0, set.depthwise_units(work), 1,
                   [&](int64_t begin, int64_t end) { set.depthwise_relu6(work, prepared.data(), begin, end); });
}

void depthwise_relu6_backward(const DepthwiseGeometry& geometry, const torch::Tensor& x, const torch::Tensor& y,
                              const torch::Tensor& gy, const torch::Tensor& weight, DepthwiseGradients& gradients) {
  check(geometry);
  const auto& set = kernels::chosen();
  const int64_t channels = x.size(3), taps = geometry.kernel * geometry.kernel;
  // Sums over pictures are made in a fixed number of parts, whatever the number of threads.
  const int64_t parts = std::min<int64_t>(x.size(0), 8);
  auto partial = torch::zeros({parts, taps + 2, channels});  // [parts, k·k + 2, C]
  const bool weighs = gradients.weight.defined();
  const kernels::DepthwiseBackward work{geometry,
                                        x.size(0),
                                        x.size(1),
                                        x.size(2),
                                        channels,
                                        storage_of(x),
                                        x.data_ptr(),
                                        y.data_ptr(),
                                        gy.data_ptr(),
                                        weight.data_ptr<float>(),
                                        gradients.input.defined() ? gradients.input.data_ptr() : nullptr,
                                        weighs,
                                        parts,
                                        partial.data_ptr<float>()};
  at::parallel_for(0, set.depthwise_backward_units(work), 1, [&](int64_t begin, int64_t end) {
    const kernels::Scratch scratch(set.depthwise_backward_scratch_bytes(work));
    set.depthwise_relu6_backward(work, scratch.data(), begin, end);
  });
  const auto total = partial.sum(0);  // [k·k + 2, C]
  if (weighs) {
    gradients.weight.add_(total.narrow(0, 0, taps).view_as(gradients.weight));
    gradients.bias.add_(total[taps]);
  }
  if (gradients.input_bias.defined()) gradients.input_bias.add_(total[taps + 1]);
}

}  // namespace attend
