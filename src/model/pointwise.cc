#include "model/pointwise.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <vector>

#include "kernels/choose.h"
#include "kernels/scratch.h"
#include "model/storage.h"

namespace attend {

void bias_backward(const torch::Tensor& gy, const torch::Tensor& y, torch::Tensor out, torch::Tensor& bias_gradient) {
  const auto& set = kernels::chosen();
  const int64_t channels = gy.size(-1), group = set.activation_group(channels);
  const int64_t parts = std::min<int64_t>((gy.numel() + group - 1) / group, 16);
  std::vector<float> sums(static_cast<size_t>(parts * group));
  const auto storage_or = [&](const torch::Tensor& tensor) { return storage_of(tensor.defined() ? tensor : gy); };
  const kernels::ActivationBackward work{gy.numel() / channels,
                                         channels,
                                         storage_of(gy),
                                         storage_or(y),
                                         storage_or(out),
                                         gy.data_ptr(),
                                         y.defined() ? y.data_ptr() : nullptr,
                                         out.defined() ? out.data_ptr() : nullptr,
                                         parts,
                                         sums.data()};
  at::parallel_for(0, parts, 1, [&](int64_t begin, int64_t end) { set.activation_backward(work, begin, end); });
  float* total = bias_gradient.data_ptr<float>();
  for (size_t i = 0; i < sums.size(); ++i) total[static_cast<int64_t>(i) % group % channels] += sums[i];
}

torch::Tensor extract_patches(const torch::Tensor& pictures, int64_t stride, int64_t top, int64_t left, int64_t height,
                              int64_t width, torch::ScalarType type) {
  const auto& set = kernels::chosen();
  auto patches = torch::empty({pictures.size(0), height, width, kPatchColumns}, type);  // [B, height, width, 32]
  const kernels::Patches work{pictures.size(1),
                              pictures.size(2),
                              stride,
                              top,
                              left,
                              height,
                              width,
                              storage_of(patches),
                              pictures.data_ptr<uint8_t>(),
                              patches.data_ptr()};
  at::parallel_for(0, pictures.size(0) * height, 8, [&](int64_t begin, int64_t end) {
    const kernels::Scratch lines(3 * work.line_values() * patches.element_size());
    set.extract_patches(work, lines.data(), begin, end);
  });
  return patches;
}

}  // namespace attend
