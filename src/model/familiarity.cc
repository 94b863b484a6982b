// n, B pictures · L grid cells · D annotation size · K principal directions
#include "model/familiarity.h"

#include <algorithm>

#include "base/error.h"

namespace attend {
namespace {

torch::Tensor rounded(const torch::Tensor& values) { return values.to(torch::kHalf).to(torch::kFloat); }

}  // namespace

torch::Tensor mean_directions(const torch::Tensor& annotations) {
  const auto mean = annotations.mean(1).to(torch::kCPU, torch::kFloat);  // [B, D]
  return mean / mean.norm(2, 1, true).clamp_min(1e-12);                  // [B, D]
}

Familiarity::Familiarity(const torch::Tensor& directions) {
  const torch::NoGradGuard no_grad;
  const auto pictures = directions.to(torch::kDouble);  // [n, D]
  const int64_t n = pictures.size(0), D = pictures.size(1);
  const int64_t K = std::max<int64_t>(1, std::min({kMostPrincipal, n - 2, D - 1}));
  const auto mean = pictures.mean(0);                                           // [D]
  const auto centred = pictures - mean;                                         // [n, D]
  const auto covariance = centred.t().mm(centred) / static_cast<double>(n);     // [D, D]
  const auto [values, vectors] = torch::linalg_eigh(covariance, "L");           // [D] ascending, [D, D] in columns
  const auto variance = values.flip(0).clamp_min(0);                            // [D]
  const auto rest = variance.slice(0, K).mean().clamp_min(1e-12).unsqueeze(0);  // [1]
  mean_ = rounded(mean);                                                        // [D]
  basis_ = rounded(vectors.flip(1).slice(1, 0, K).t());                         // [K, D]
  // What is too small for half precision would count for too much.
  deviation_ = rounded(torch::cat({variance.slice(0, 0, K), rest}).sqrt().clamp_min(1e-4));  // [K + 1]
}

std::optional<Familiarity> Familiarity::load(const TensorMap& state, int64_t D, const std::string& source) {
  Familiarity loaded;
  const auto mean = state.find("familiarity.mean"), basis = state.find("familiarity.basis"),
             deviation = state.find("familiarity.deviation");
  if (mean == state.end() && basis == state.end() && deviation == state.end()) return std::nullopt;
  if (mean == state.end() || basis == state.end() || deviation == state.end())
    throw InputError(source +
                     ": one of the tensors familiarity.mean, .basis and .deviation is missing; the file is damaged");
  loaded.mean_ = mean->second.to(torch::kFloat, false, true);            // [D]
  loaded.basis_ = basis->second.to(torch::kFloat, false, true);          // [K, D]
  loaded.deviation_ = deviation->second.to(torch::kFloat, false, true);  // [K + 1]
  if (loaded.mean_.dim() != 1 || loaded.basis_.dim() != 2 || loaded.deviation_.dim() != 1 ||
      loaded.mean_.size(0) != D || loaded.basis_.size(1) != D || loaded.basis_.size(0) < 1 ||
      loaded.deviation_.size(0) != loaded.basis_.size(0) + 1)
    throw InputError(source + ": the tensors familiarity.mean, .basis and .deviation don't fit annotations of size " +
                     std::to_string(D) + "; the file is damaged");
  return loaded;
}

TensorMap Familiarity::state() const {
  return {{"familiarity.mean", mean_}, {"familiarity.basis", basis_}, {"familiarity.deviation", deviation_}};
}

Familiarity::Place Familiarity::place(const torch::Tensor& directions) const {
  const torch::NoGradGuard no_grad;
  const int64_t K = basis_.size(0);
  const auto centred = directions.to(torch::kCPU, torch::kFloat) - mean_;            // [B, D]
  const auto along = centred.mm(basis_.t());                                         // [B, K]
  const auto rest = (centred.square().sum(1) - along.square().sum(1)).clamp_min(0);  // [B]
  const auto coordinates = along / deviation_.slice(0, 0, K);                        // [B, K]
  return {coordinates.square().sum(1) + rest / deviation_[K].square(), coordinates};
}

}  // namespace attend
