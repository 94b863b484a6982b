// Hard attention's gradient, proved on a problem small enough to enumerate: 4 cells and 3 words to say.
//
// R rows · L grid cells · N words
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <map>

#include "model/decoder.h"
#include "train/objective.h"

namespace attend {
namespace {

using torch::Tensor;

constexpr int64_t kCells = 4, kSteps = 3;
const std::vector<int64_t> kWords = {4, 6};  // and <end>

std::shared_ptr<Decoder> tiny_decoder(const std::string& score) {
  DecoderOptions options;
  options.hidden_size = 4;
  options.embedding_size = 3;
  options.dropout = 0;
  AttentionOptions attention;
  attention.kind = "hard";
  attention.score = score;
  attention.size = 4;
  attention.heads = 2;
  attention.expected_share = 0;
  torch::manual_seed(21);
  auto decoder = std::make_shared<Decoder>(options, attention, 4, 7);
  decoder->to(torch::kDouble);
  const torch::NoGradGuard no_grad;
  for (auto& parameter : decoder->parameters()) parameter.mul_(2.5);  // so that where it looks matters
  decoder->train();
  return decoder;
}

TrainOptions plain_options(const std::string& credit) {
  TrainOptions options;
  options.label_smoothing = 0;
  options.entropy_weight = 0;
  options.location_credit = credit;
  return options;
}

/// `rows` captions of one picture, all the same words.
PackedCaptions captions_of(int64_t rows) {
  return pack_captions({std::vector<std::vector<int64_t>>(static_cast<size_t>(rows), kWords)});
}

/// The gradient of -1/3 sum_s p(s) log p(y | s), over all 4³ sequences of locations s.
std::vector<Tensor> exact_gradient(Decoder& decoder, const Tensor& annotations) {
  const int64_t count = kCells * kCells * kCells;
  auto captions = captions_of(count);
  const auto row = torch::arange(count, torch::kInt64);                                                         // [R]
  captions.locations = torch::cat({row.div(16, "floor"), row.div(4, "floor").remainder(4), row.remainder(4)});  // [N]
  const auto taught = decoder.teach(decoder.remember(annotations), captions);
  const auto by_step = [&](const Tensor& values) { return values.reshape({kSteps, count}).sum(0); };  // [R]
  const auto said = by_step(taught.logits.log_softmax(-1).gather(1, captions.targets.unsqueeze(1)));  // [R]
  const auto chosen = torch::cat(taught.alphas).gather(1, captions.locations.unsqueeze(1)).log();     // [N, 1]
  const auto probability = by_step(chosen).exp();                                                     // [R]
  EXPECT_NEAR(probability.sum().item<double>(), 1, 1e-9);
  return torch::autograd::grad({-(probability * said).sum() / static_cast<double>(kSteps)}, decoder.parameters());
}

struct Estimate {
  std::vector<Tensor> mean, error;  // of every parameter's gradient; error: standard deviation of the mean
  double variance = 0;              // summed over all parameters, of one batch
};

Estimate estimate(Decoder& decoder, const Tensor& annotations, const TrainOptions& options, double baseline) {
  constexpr int kBatches = 300;
  const auto captions = captions_of(40);
  const auto parameters = decoder.parameters();
  std::vector<Tensor> sum, square;
  for (const auto& parameter : parameters) {
    sum.push_back(torch::zeros_like(parameter));
    square.push_back(torch::zeros_like(parameter));
  }
  for (int i = 0; i < kBatches; ++i) {
    const auto taught = decoder.teach(decoder.remember(annotations), captions);
    const auto loss = cross_entropy_loss(taught, captions, options).total +
                      hard_attention_loss(taught, captions, options, baseline).total;
    const auto gradients = torch::autograd::grad({loss}, parameters);
    for (size_t p = 0; p < gradients.size(); ++p) {
      sum[p] += gradients[p];
      square[p] += gradients[p].square();
    }
  }
  Estimate result;
  for (size_t p = 0; p < sum.size(); ++p) {
    const auto mean = sum[p] / kBatches;
    const auto variance = (square[p] / kBatches - mean.square()).clamp_min(0) * kBatches / (kBatches - 1);
    result.mean.push_back(mean);
    result.error.push_back((variance / kBatches).sqrt());
    result.variance += variance.sum().item<double>();
  }
  return result;
}

class HardAttentionGradient : public testing::TestWithParam<std::tuple<std::string, std::string>> {};

TEST_P(HardAttentionGradient, HasTheExactGradientAsItsMeanForEveryParameter) {
  const auto& [score, credit] = GetParam();
  const auto decoder = tiny_decoder(score);
  const auto annotations = torch::randn({1, kCells, 4}, torch::kDouble);  // [B, L, D]
  const auto exact = exact_gradient(*decoder, annotations);
  double norm = 0;
  for (const double baseline : {0.0, -2.0}) {
    const auto estimated = estimate(*decoder, annotations, plain_options(credit), baseline);
    for (size_t p = 0; p < exact.size(); ++p) {
      const auto away = (estimated.mean[p] - exact[p]).abs(), allowed = 5 * estimated.error[p] + 1e-9;
      EXPECT_TRUE((away <= allowed).all().item<bool>())
          << decoder->named_parameters()[p].key() << " with baseline " << baseline << ": off by up to "
          << (away / allowed).max().item<double>() * 5 << " standard errors";
      norm += exact[p].square().sum().item<double>();
    }
  }
  EXPECT_GT(norm, 1e-3);  // there was something to estimate
}

INSTANTIATE_TEST_SUITE_P(Scores, HardAttentionGradient,
                         testing::Combine(testing::Values("additive", "general", "multi_head", "convolutional",
                                                          "impatient_reader"),
                                          testing::Values("rest", "caption")),
                         [](const auto& each) { return std::get<0>(each.param) + "_" + std::get<1>(each.param); });

TEST(HardAttention, WithoutItsTermTheGradientIsWrong) {
  const auto decoder = tiny_decoder("additive");
  const auto annotations = torch::randn({1, kCells, 4}, torch::kDouble);  // [B, L, D]
  auto options = plain_options("rest");
  options.reinforce_weight = 0;
  const auto exact = exact_gradient(*decoder, annotations);
  const auto estimated = estimate(*decoder, annotations, options, 0);
  double worst = 0;
  for (size_t p = 0; p < exact.size(); ++p)
    worst = std::max(worst, ((estimated.mean[p] - exact[p]).abs() / (estimated.error[p] + 1e-9)).max().item<double>());
  EXPECT_GT(worst, 20);
}

TEST(HardAttention, ABaselineAndNarrowCreditLowerTheVariance) {
  const auto decoder = tiny_decoder("additive");
  const auto annotations = torch::randn({1, kCells, 4}, torch::kDouble);  // [B, L, D]
  const auto captions = captions_of(400);
  const auto taught = decoder->teach(decoder->remember(annotations), captions);
  const double average = hard_attention_loss(taught, captions, plain_options("rest"), 0).log_probability;
  std::map<std::string, double> variance;
  for (const std::string credit : {"rest", "caption"})
    for (const double baseline : {0.0, average}) {
      const double value = estimate(*decoder, annotations, plain_options(credit), baseline).variance;
      variance[credit + (baseline == 0 ? "" : " baseline")] = value;
      std::printf("credit %-7s %s baseline: variance %.4g\n", credit.c_str(), baseline == 0 ? "no  " : "with", value);
    }
  EXPECT_LT(variance["rest baseline"], 0.7 * variance["rest"]);
  EXPECT_LT(variance["caption baseline"], 0.7 * variance["caption"]);
  EXPECT_LT(variance["rest"], variance["caption"]);
}

/// Two captions of 2 and 0 words: 2 + 1 + 1 words to say. The second's only location is the expected context.
TEST(HardAttentionLoss, IsItsFormula) {
  const auto captions = pack_captions({{{4, 5}, {}}});
  torch::manual_seed(2);
  TeacherForced taught;
  taught.logits = torch::randn({4, 7}, torch::kDouble);  // [N, V]
  taught.alphas = {torch::rand({2, 3}, torch::kDouble).softmax(-1), torch::rand({1, 3}, torch::kDouble).softmax(-1),
                   torch::tensor({{0.0, 1.0, 0.0}}, torch::kDouble)};
  for (auto& alpha : taught.alphas) alpha.set_requires_grad(true);
  taught.locations = torch::tensor({2, -1, 0, 1}, torch::kInt64);
  TrainOptions options;
  options.reinforce_weight = 0.7;
  options.entropy_weight = 0.1;
  const auto log_p = taught.logits.log_softmax(-1);
  const double p[] = {log_p[0][4].item<double>(), log_p[2][5].item<double>(), log_p[3][2].item<double>()};
  const auto a = [&](int t, int r, int l) { return taught.alphas[t][r][l].item<double>(); };
  double entropy = 0;
  for (int l = 0; l < 3; ++l)
    entropy -=
        a(0, 0, l) * std::log(a(0, 0, l)) + a(0, 1, l) * std::log(a(0, 1, l)) + a(1, 0, l) * std::log(a(1, 0, l));
  constexpr double b = -1.5;
  for (const bool whole : {false, true}) {
    options.location_credit = whole ? "caption" : "rest";
    const double all = p[0] + p[1] + p[2] - 3 * b;
    const double reinforce = all * std::log(a(0, 0, 2)) + (whole ? all : p[1] + p[2] - 2 * b) * std::log(a(1, 0, 0));
    const auto loss = hard_attention_loss(taught, captions, options, b);
    EXPECT_NEAR(loss.total.item<double>(), (-0.7 * reinforce - 0.1 * entropy) / 4, 1e-9);
    EXPECT_NEAR(loss.log_probability, (p[0] + p[1] + p[2]) / 3, 1e-9);
    // Where a weight is 0, nothing becomes infinite.
    EXPECT_TRUE(torch::isfinite(torch::autograd::grad({loss.total}, {taught.alphas[2]})[0]).all().item<bool>());
  }
}

}  // namespace
}  // namespace attend
