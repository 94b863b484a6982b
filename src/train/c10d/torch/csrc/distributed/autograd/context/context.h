// Debian's libtorch-dev has c10d's reducer.hpp, but not this header of LibTorch's, of which the reducer needs three names and
// nothing more. Searched last: where the real one is there, it is taken.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <memory>

namespace torch {
namespace distributed {
namespace autograd {

/// Only what reducer.hpp names of it; ranks.cc never has one.
class DistAutogradContext {
 public:
  using GradCallback = std::function<bool(at::Tensor&)>;
};
using ContextPtr = std::shared_ptr<DistAutogradContext>;

}  // namespace autograd
}  // namespace distributed
}  // namespace torch
