// How far a picture lies from those of training: a Gaussian over the direction of its mean annotation, of low rank with an even
// rest (probabilistic principal component analysis: Tipping and Bishop 1999). Training pictures fill a few dozen directions of
// the annotations' space; what sets other kinds of pictures apart lies mostly in the rest.
//
// n, B pictures · L grid cells · D annotation size · K principal directions
#pragma once

#include <torch/torch.h>

#include <optional>
#include <string>

#include "model/encoder.h"

namespace attend {

/// annotations [B, L, D] → the directions of their means, unit vectors [B, D].
torch::Tensor mean_directions(const torch::Tensor& annotations);

class Familiarity {
 public:
  /// directions [n, D] of training pictures, n > 1. K is kMostPrincipal, or less where n or D are not above it. Values are rounded
  /// to half precision, as a model file keeps them.
  explicit Familiarity(const torch::Tensor& directions);

  /// What state() gave, from the file `source`: null where `state` has none of it. Throws InputError where it doesn't fit
  /// annotations of size D.
  static std::optional<Familiarity> load(const TensorMap& state, int64_t D, const std::string& source);
  /// "familiarity.mean" [D], "familiarity.basis" [K, D], "familiarity.deviation" [K + 1].
  TensorMap state() const;

  struct Place {
    torch::Tensor distance;  // [B] squared, in standard deviations (Mahalanobis 1936); about D for a training picture
    torch::Tensor coordinates;  // [B, K] along the principal directions, the widest first, in standard deviations
  };
  /// K.
  int64_t directions() const { return basis_.size(0); }
  /// directions [B, D] → where they lie; on the CPU, fp32.
  Place place(const torch::Tensor& directions) const;

 private:
  Familiarity() = default;

  torch::Tensor mean_;       // [D]
  torch::Tensor basis_;      // [K, D], orthonormal
  torch::Tensor deviation_;  // [K + 1], along each principal direction, then along any other
};

/// Principal directions kept: 64 take 170 kB of a model file where D is 1280.
constexpr int64_t kMostPrincipal = 64;

}  // namespace attend
