// n cases · F numbers each
#include "decode/logistic.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>

namespace attend {

double LogisticRegression::probability(const std::vector<double>& numbers) const {
  double sum = intercept;
  for (size_t i = 0; i < weights.size(); ++i) sum += weights[i] * (numbers[i] - mean[i]) / deviation[i];
  return 1 / (1 + std::exp(-sum));
}

LogisticRegression fit_logistic(const std::vector<std::vector<double>>& cases, const std::vector<bool>& came_true,
                                double ridge) {
  const torch::NoGradGuard no_grad;
  const auto n = static_cast<int64_t>(cases.size()), F = static_cast<int64_t>(cases.front().size());
  auto x = torch::ones({n, F + 1}, torch::kDouble);  // [n, F + 1], the last column for the intercept
  auto y = torch::empty({n, 1}, torch::kDouble);     // [n, 1]
  for (int64_t i = 0; i < n; ++i) {
    std::copy(cases[i].begin(), cases[i].end(), x.data_ptr<double>() + i * (F + 1));
    y.data_ptr<double>()[i] = came_true[i];
  }
  LogisticRegression fitted;
  for (int64_t f = 0; f < F; ++f) {
    auto column = x.select(1, f);  // [n]
    fitted.mean.push_back(column.mean().item<double>());
    const double deviation = column.std(0, false).item<double>();
    fitted.deviation.push_back(deviation > 1e-9 ? deviation : 1);
    column.sub_(fitted.mean.back()).div_(fitted.deviation.back());
  }
  auto penalty = torch::full({F + 1, 1}, ridge, torch::kDouble);  // [F + 1, 1]
  penalty[F] = 1e-9;                                  // none on the intercept, but for cases that all came out alike
  auto w = torch::zeros({F + 1, 1}, torch::kDouble);  // [F + 1, 1]
  for (int step = 0; step < 50; ++step) {
    const auto p = x.mm(w).sigmoid();                                                // [n, 1]
    const auto gradient = x.t().mm(p - y) + penalty * w;                             // [F + 1, 1]
    const auto curvature = x.t().mm(x * (p * (1 - p))) + penalty.squeeze(1).diag();  // [F + 1, F + 1]
    const auto change = torch::linalg_solve(curvature, gradient);                    // [F + 1, 1]
    w = w - change.clamp(-5, 5);                                                     // [F + 1, 1]
    if (change.abs().max().item<double>() < 1e-10) break;
  }
  fitted.weights.assign(w.data_ptr<double>(), w.data_ptr<double>() + F);
  fitted.intercept = w[F][0].item<double>();
  return fitted;
}

}  // namespace attend
