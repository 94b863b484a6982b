// B pictures · L = side² grid cells · D annotation size
#include "model/recalibration.h"

#include <cmath>

namespace attend {

using torch::Tensor;

namespace {

constexpr int64_t kSpatial = 7;  // cells a side of cbam's convolution

}  // namespace

Recalibration::Recalibration(const std::string& kind, int64_t reduction, int64_t D)
    : squeeze_(register_module("squeeze", linear(D, D / reduction, false))),
      excite_(register_module("excite", linear(D / reduction, D, false))) {
  if (kind == "cbam")
    spatial_ = register_parameter("spatial",
                                  first_weights({1, 2, kSpatial, kSpatial}, 1 / std::sqrt(2.0 * kSpatial * kSpatial)));
}

Tensor Recalibration::forward(const Tensor& annotations) {
  const auto score = [&](const Tensor& x) { return excite_->forward(squeeze_->forward(x).relu()); };  // [B, D]
  auto channels = score(annotations.mean(1));                                                         // [B, D]
  if (spatial_.defined()) channels = channels + score(annotations.amax(1));                           // [B, D]
  const auto gated = annotations * channels.sigmoid().unsqueeze(1);                                   // [B, L, D]
  if (!spatial_.defined()) return gated;
  const auto seen = as_maps(torch::stack({gated.mean(2), gated.amax(2)}, 2));                  // [B, 2, side, side]
  const auto cells = torch::conv2d(seen, spatial_, {}, 1, kSpatial / 2).sigmoid().flatten(1);  // [B, L]
  return gated * cells.unsqueeze(2);                                                           // [B, L, D]
}

}  // namespace attend
