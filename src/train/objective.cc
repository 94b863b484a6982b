// R rows · L grid cells · N words in all rows together · V words in the vocabulary
#include "train/objective.h"

namespace attend {

namespace F = torch::nn::functional;
using torch::Tensor;

namespace {

/// Sum over time of the weights, [R, L], and steps of each row, [R].
std::pair<Tensor, Tensor> seen_and_lengths(const TeacherForced& taught) {
  Tensor seen = torch::zeros_like(taught.alphas.front());                              // [R, L]
  Tensor lengths = torch::zeros({seen.size(0)}, seen.options().requires_grad(false));  // [R]
  for (const auto& alpha : taught.alphas) {
    const int64_t rest = seen.size(0) - alpha.size(0);
    seen = seen + F::pad(alpha, F::PadFuncOptions({0, 0, 0, rest}));  // [R, L]
    lengths.narrow(0, 0, alpha.size(0)).add_(1);
  }
  return {seen, lengths};
}

/// Of every word, the sum of `values` [N] over it and the words of its caption after it, or over its whole caption.
Tensor credit(const Tensor& values, const PackedCaptions& captions, bool whole) {
  const auto rows_at = captions.rows_at;
  const int64_t last = static_cast<int64_t>(rows_at.size()) - 1;
  Tensor sums = torch::zeros_like(values);  // [N]
  for (int64_t t = last, end = values.size(0); t >= 0; --t) {
    const int64_t active = rows_at[t], begin = end - active;
    sums.narrow(0, begin, active).copy_(values.narrow(0, begin, active));
    if (t < last) sums.narrow(0, begin, rows_at[t + 1]).add_(sums.narrow(0, end, rows_at[t + 1]));
    end = begin;
  }
  if (!whole) return sums;
  const auto totals = sums.narrow(0, 0, rows_at[0]).clone();  // [R]
  int64_t begin = 0;
  for (const int64_t active : rows_at) {
    sums.narrow(0, begin, active).copy_(totals.narrow(0, 0, active));
    begin += active;
  }
  return sums;
}

}  // namespace

Tensor doubly_stochastic_regularizer(const TeacherForced& taught, const TrainOptions& options) {
  if (options.doubly_stochastic == 0) return {};
  auto [seen, lengths] = seen_and_lengths(taught);  // [R, L], [R]
  const bool mean = options.doubly_stochastic_form == "mean";
  if (mean) seen = seen * (static_cast<double>(seen.size(1)) / lengths).unsqueeze(1);  // [R, L]
  const Tensor square = (1 - seen).square();                                           // [R, L]
  return options.doubly_stochastic * (mean ? square.mean() : square.sum(1).mean());    // []
}

Loss cross_entropy_loss(const TeacherForced& taught, const PackedCaptions& captions, const TrainOptions& options,
                        const Tensor& teachers, const Tensor& weights, const Share& share) {
  const auto device = taught.logits.device();
  const auto mean = [&](const Tensor& of_words) {  // [N] → []
    return (weights.defined() ? of_words * weights.to(device) : of_words).mean();
  };
  const Tensor of_words = F::cross_entropy(
      taught.logits, captions.targets.to(device),
      F::CrossEntropyFuncOptions().label_smoothing(options.label_smoothing).reduction(torch::kNone));  // [N]
  Loss loss;
  loss.cross_entropy = of_words.detach().mean();  // []
  loss.total = mean(of_words);                    // []
  if (teachers.defined()) {
    const Tensor divergence = F::kl_div(taught.logits.log_softmax(1), teachers,
                                        F::KLDivFuncOptions().reduction(torch::kNone).log_target(true))
                                  .sum(1);           // [N]
    loss.distillation = divergence.detach().mean();  // []
    const double weight = options.distillation_weight;
    loss.total = (1 - weight) * loss.total + weight * mean(divergence);  // []
  }
  if (share.words != 1) loss.total = loss.total * share.words;  // []
  if (const Tensor regularizer = doubly_stochastic_regularizer(taught, options); regularizer.defined())
    loss.total = loss.total + (share.rows != 1 ? regularizer * share.rows : regularizer);  // []
  return loss;
}

namespace {

/// Weights as logarithms, [N, L]; bounded below, so that 0 log 0 is 0, and so is its gradient after softmax.
Tensor log_weights(const Tensor& alpha) { return alpha.clamp_min(1e-30).log(); }

/// log_alpha [N, L] at `locations` [N], 0 where these are -1: [N].
Tensor at_locations(const Tensor& log_alpha, const Tensor& locations) {
  const auto chosen = log_alpha.gather(1, locations.clamp_min(0).unsqueeze(1)).squeeze(1);  // [N]
  return chosen.masked_fill(locations < 0, 0);                                              // [N]
}

}  // namespace

Tensor location_log_probability(const TeacherForced& taught) {
  return at_locations(log_weights(torch::cat(taught.alphas)), taught.locations);  // [N]
}

HardAttentionLoss hard_attention_loss(const TeacherForced& taught, const PackedCaptions& captions,
                                      const TrainOptions& options, double baseline, const Tensor& weights,
                                      const Share& share) {
  const auto device = taught.logits.device();
  const auto targets = captions.targets.to(device).unsqueeze(1);                           // [N, 1]
  const auto said = taught.logits.detach().log_softmax(-1).gather(1, targets).squeeze(1);  // [N]
  const auto alpha = torch::cat(taught.alphas), log_alpha = log_weights(alpha);            // [N, L] each
  const auto chosen = (taught.locations >= 0).to(alpha.scalar_type());                     // [N]

  const bool whole = options.location_credit == "caption";
  const auto advantage =
      credit(said, captions, whole) - baseline * credit(torch::ones_like(said), captions, whole);  // [N]
  const auto words = static_cast<double>(said.size(0));
  const auto weighted = [&](const Tensor& of_words) {  // [N] each
    return weights.defined() ? of_words * weights.to(device) : of_words;
  };
  const auto reinforce = weighted(advantage * at_locations(log_alpha, taught.locations)).sum() / words;  // []
  const auto entropy = -weighted((alpha * log_alpha).sum(1)).sum() / words;                              // []

  HardAttentionLoss loss;
  loss.total = -options.reinforce_weight * reinforce - options.entropy_weight * entropy;  // []
  if (share.words != 1) loss.total = loss.total * share.words;                            // []
  const double sampled = chosen.sum().item<double>();
  loss.averaged = sampled > 0 ? sampled : words;
  loss.log_probability = sampled > 0 ? (said * chosen).sum().item<double>() / sampled : said.mean().item<double>();
  return loss;
}

}  // namespace attend
