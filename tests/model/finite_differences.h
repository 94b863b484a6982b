// Gradients held against finite differences.
#pragma once

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <functional>
#include <vector>

namespace attend {

/// Holds the gradient of `loss` in every entry of `leaves` (double, contiguous) against central differences. A leaf that
/// the loss doesn't depend on has the gradient 0.
inline void expect_finite_differences(const std::function<torch::Tensor()>& loss,
                                      const std::vector<torch::Tensor>& leaves, double tolerance) {
  const auto gradients = torch::autograd::grad({loss()}, leaves, {}, {}, false, /*allow_unused=*/true);
  const torch::NoGradGuard no_grad;
  constexpr double h = 1e-6;
  for (size_t i = 0; i < leaves.size(); ++i) {
    const auto values = leaves[i].view(-1);
    const auto gradient = gradients[i].defined() ? gradients[i].contiguous().view(-1) : torch::zeros_like(values);
    for (int64_t k = 0; k < values.size(0); ++k) {
      const double x = values[k].item<double>();
      values[k] = x + h;
      const double above = loss().item<double>();
      values[k] = x - h;
      const double below = loss().item<double>();
      values[k] = x;
      EXPECT_NEAR(gradient[k].item<double>(), (above - below) / (2 * h), tolerance) << "leaf " << i << " entry " << k;
    }
  }
}

}  // namespace attend
