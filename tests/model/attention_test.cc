// B pictures · R rows · L = side² grid cells · D annotation size · A attention size · H size of the decoder's state
#include "model/attention.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "base/error.h"
#include "model/finite_differences.h"
#include "model/recalibration.h"
#include "model/self_attention.h"

namespace attend {
namespace {

using torch::Tensor;

constexpr int64_t kSide = 5, kL = kSide * kSide, kD = 6, kH = 6;

struct Case {
  std::string name;
  AttentionOptions options;
};

AttentionOptions of(const std::string& score, const std::string& window = "none", const std::string& kind = "soft") {
  AttentionOptions options;
  options.kind = kind;
  options.score = score;
  options.size = 4;
  options.heads = 2;
  options.window = window;
  options.window_radius = 1;
  options.filters = 2;
  return options;
}

const std::vector<Case> kCases = {{"additive", of("additive")},
                                  {"concat", of("concat")},
                                  {"dot", of("dot")},
                                  {"scaled_dot", of("scaled_dot")},
                                  {"general", of("general")},
                                  {"multi_head", of("multi_head")},
                                  {"gaussian", of("gaussian")},
                                  {"none", of("additive", "none", "none")},
                                  {"additive_local_m", of("additive", "local_m")},
                                  {"additive_local_p", of("additive", "local_p")},
                                  {"multi_head_local_p", of("multi_head", "local_p")},
                                  {"dot_local_m", of("dot", "local_m")},
                                  {"convolutional", of("convolutional")},
                                  {"convolutional_local_p", of("convolutional", "local_p")},
                                  {"attentive_reader", of("attentive_reader")},
                                  {"impatient_reader", of("impatient_reader")},
                                  {"impatient_reader_local_m", of("impatient_reader", "local_m")}};

std::shared_ptr<Attention> make(const AttentionOptions& options, uint64_t seed = 3) {
  torch::manual_seed(seed);
  auto attention = make_attention(options, kD, kH);
  attention->to(torch::kDouble);
  attention->eval();
  return attention;
}

Tensor doubles(std::vector<int64_t> shape) { return torch::randn(shape, torch::kDouble); }

using Vec = std::vector<double>;
using Matrix = std::vector<Vec>;

Vec vector_of(const Tensor& tensor) {
  const auto flat = tensor.detach().contiguous().view(-1);  // [n]
  return {flat.data_ptr<double>(), flat.data_ptr<double>() + flat.size(0)};
}
Matrix matrix_of(const Tensor& tensor) {
  Matrix rows;
  for (int64_t i = 0; i < tensor.size(0); ++i) rows.push_back(vector_of(tensor[i]));
  return rows;
}

/// One row's glimpse, and what the next look of the same row is told of it.
struct Look {
  Vec alpha, context, carried{};
};

/// A module's results, by loops over numbers from the formulas in the papers: nothing shared with the code under test.
struct Reference {
  std::map<std::string, Tensor> p;
  AttentionOptions options;

  Reference(const torch::nn::Module& module, const AttentionOptions& chosen) : options(chosen) {
    for (const auto& item : module.named_parameters()) p[item.key()] = item.value();
  }

  static double dot(const Vec& a, const Vec& b) {
    double sum = 0;
    for (size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
    return sum;
  }
  Vec linear(const std::string& name, const Vec& x) const {
    const auto weight = matrix_of(p.at(name + ".weight"));
    Vec y;
    for (const auto& row : weight) y.push_back(dot(row, x));
    if (p.count(name + ".bias")) {
      const auto bias = vector_of(p.at(name + ".bias"));
      for (size_t i = 0; i < y.size(); ++i) y[i] += bias[i];
    }
    return y;
  }
  static Vec softmax(const Vec& scores) {
    double sum = 0;
    Vec weights;
    for (const double score : scores) sum += std::exp(score);
    for (const double score : scores) weights.push_back(std::exp(score) / sum);
    return weights;
  }
  static Vec mix(const Vec& weights, const Matrix& values) {
    Vec context(values[0].size(), 0);
    for (size_t l = 0; l < values.size(); ++l)
      for (size_t d = 0; d < context.size(); ++d) context[d] += weights[l] * values[l][d];
    return context;
  }

  /// What the window leaves of weights (not normalized) at this step.
  double window(const Vec& h, int64_t step, int64_t cell) const {
    const int64_t row = cell / kSide, column = cell % kSide, radius = options.window_radius;
    if (options.window == "local_m") {
      const int64_t width = 2 * radius + 1, across = (kSide + width - 1) / width, tile = step % (across * across);
      return row / width == tile / across && column / width == tile % across ? 1 : 0;
    }
    if (options.window == "none") return 1;
    Vec inner = linear("window.hidden", h);
    for (auto& x : inner) x = std::tanh(x);
    double weight = 1;
    const auto middle = linear("window.middle", inner);
    for (int axis = 0; axis < 2; ++axis) {
      const auto place = static_cast<double>(axis == 0 ? row : column);
      const double away = place - (kSide - 1) / (1 + std::exp(-middle[axis]));
      const double sigma = static_cast<double>(radius) / 2;
      weight *= std::abs(away) > static_cast<double>(radius) ? 0 : std::exp(-away * away / (2 * sigma * sigma));
    }
    return weight;
  }

  /// maps[c][cell], convolved over the grid by kernels [outputs, inputs, size, size].
  Matrix convolve(const std::string& name, const Matrix& maps) const {
    const auto kernels = p.at(name).detach();
    const int64_t size = kernels.size(2), reach = size / 2;
    Matrix out;
    for (int64_t o = 0; o < kernels.size(0); ++o) {
      out.emplace_back(kL, 0);
      for (int64_t cell = 0; cell < kL; ++cell)
        for (size_t c = 0; c < maps.size(); ++c)
          for (int64_t i = 0; i < size; ++i)
            for (int64_t j = 0; j < size; ++j) {
              const int64_t y = cell / kSide + i - reach, x = cell % kSide + j - reach;
              if (y < 0 || y >= kSide || x < 0 || x >= kSide) continue;
              out.back()[cell] += kernels[o][static_cast<int64_t>(c)][i][j].item<double>() * maps[c][y * kSide + x];
            }
    }
    return out;
  }
  static Matrix transposed(const Matrix& a) {
    Matrix b(a[0].size(), Vec(a.size()));
    for (size_t i = 0; i < a.size(); ++i)
      for (size_t j = 0; j < a[0].size(); ++j) b[j][i] = a[i][j];
    return b;
  }

  /// before: what the last look carried; empty at the first.
  Look look(const Matrix& a, const Vec& h, int64_t step, const Vec& before) const {
    if (options.score == "convolutional") return convolutional(a, h, step, before);
    if (options.score == "attentive_reader" || options.score == "impatient_reader") return reader(a, h, step, before);
    const auto [alpha, context] = look(a, h, step);
    return {alpha, context};
  }

  Look convolutional(const Matrix& a, const Vec& h, int64_t step, const Vec& before) const {
    Matrix inner = convolve("first", transposed(a));
    for (auto& map : inner)
      for (auto& x : map) x = std::max(x, 0.0);
    Matrix maps = convolve("second", inner);
    const auto query = linear("query", h);
    double square = 0;
    for (size_t i = 0; i < maps.size(); ++i)
      for (auto& x : maps[i]) {
        x *= query[i];
        square += x * x;
      }
    for (auto& map : maps)
      for (auto& x : map) x *= std::sqrt(kL / square);
    maps.push_back(before.empty() ? Vec(kL, 0) : before);
    const auto alpha = windowed(softmax(convolve("last", maps)[0]), h, step);
    return {alpha, mix(alpha, a), alpha};
  }

  Look reader(const Matrix& a, const Vec& h, int64_t step, const Vec& before) const {
    const bool again = options.score == "impatient_reader";
    const auto query = linear("query", h), v = vector_of(p.at("v"));
    const Vec read_query = again && !before.empty() ? linear("read_query", before) : Vec(v.size(), 0);
    Vec scores;
    for (const auto& annotation : a) {
      const auto key = linear("key", annotation);
      scores.push_back(0);
      for (size_t i = 0; i < v.size(); ++i) scores.back() += v[i] * std::tanh(key[i] + query[i] + read_query[i]);
    }
    const auto alpha = windowed(softmax(scores), h, step);
    Vec r = mix(alpha, a);
    if (again && !before.empty()) {
      const auto next = linear("next", before);
      for (size_t d = 0; d < r.size(); ++d) r[d] += std::tanh(next[d]);
    }
    Vec joined = linear("read", r);
    const auto state = linear("state", h);
    for (size_t d = 0; d < joined.size(); ++d) joined[d] = std::tanh(joined[d] + state[d]);
    return {alpha, joined, again ? r : Vec()};
  }

  std::pair<Vec, Vec> look(const Matrix& a, const Vec& h, int64_t step) const {
    if (options.kind == "none") {
      const Vec even(kL, 1.0 / kL);
      return {even, mix(even, a)};
    }
    if (options.score == "gaussian") return gaussian(a, h);
    if (options.score == "multi_head") return multi_head(a, h, step);
    Vec scores;
    for (const auto& annotation : a) {
      if (options.score == "additive" || options.score == "concat") {
        const auto key = linear("key", annotation), query = linear("query", h), v = vector_of(p.at("v"));
        double score = 0;
        for (size_t i = 0; i < v.size(); ++i) score += v[i] * std::tanh(key[i] + query[i]);
        scores.push_back(score);
      } else if (options.score == "general") {
        scores.push_back(dot(h, linear("key", annotation)));
      } else {
        scores.push_back(dot(h, annotation) / (options.score == "scaled_dot" ? std::sqrt(static_cast<double>(kH)) : 1));
      }
    }
    const auto alpha = windowed(softmax(scores), h, step);
    return {alpha, mix(alpha, a)};
  }

  Vec windowed(Vec alpha, const Vec& h, int64_t step) const {
    double sum = 0;
    for (size_t l = 0; l < alpha.size(); ++l) sum += alpha[l] *= window(h, step, static_cast<int64_t>(l));
    for (auto& weight : alpha) weight /= sum;
    return alpha;
  }

  std::pair<Vec, Vec> multi_head(const Matrix& a, const Vec& h, int64_t step) const {
    const auto query = linear("query", h);
    const size_t size = query.size() / static_cast<size_t>(options.heads);
    Vec mean(kL, 0), contexts;
    for (size_t n = 0; n < static_cast<size_t>(options.heads); ++n) {
      const auto share = [&](const Vec& x) { return Vec(x.begin() + n * size, x.begin() + (n + 1) * size); };
      Vec scores;
      Matrix values;
      for (const auto& annotation : a) {
        scores.push_back(dot(share(query), share(linear("key", annotation))) / std::sqrt(static_cast<double>(size)));
        values.push_back(share(linear("value", annotation)));
      }
      const auto alpha = windowed(softmax(scores), h, step);
      for (size_t l = 0; l < alpha.size(); ++l) mean[l] += alpha[l] / options.heads;
      for (const double x : mix(alpha, values)) contexts.push_back(x);
    }
    return {mean, linear("out", contexts)};
  }

  std::pair<Vec, Vec> gaussian(const Matrix& a, const Vec& h) const {
    const auto w = linear("filters", h);
    const int N = options.filters;
    const double stride = (kSide - 1.0) / (N - 1) * std::exp(w[3]);
    const auto filter = [&](int axis, int i) {
      const double centre = (kSide - 1) / 2.0 * (w[axis] + 1) + (i - N / 2.0 + 0.5) * stride;
      Vec weights;
      double sum = 0;
      for (int64_t x = 0; x < kSide; ++x) {
        weights.push_back(std::exp(-std::pow(static_cast<double>(x) - centre, 2) / (2 * std::exp(w[2]))));
        sum += weights.back();
      }
      for (auto& weight : weights) weight /= sum;
      return weights;
    };
    Vec mean(kL, 0), patch;
    for (int i = 0; i < N; ++i)
      for (int j = 0; j < N; ++j) {
        Vec alpha;
        for (const double y : filter(0, i))
          for (const double x : filter(1, j)) alpha.push_back(y * x);
        for (size_t l = 0; l < alpha.size(); ++l) mean[l] += alpha[l] / (N * N);
        for (const double x : mix(alpha, a)) patch.push_back(x);
      }
    return {mean, linear("out", patch)};
  }
};

class EveryAttention : public testing::TestWithParam<Case> {};

TEST_P(EveryAttention, EqualsItsPapersFormula) {
  const auto attention = make(GetParam().options);
  const auto annotations = doubles({2, kL, kD}), hidden = doubles({3, kH});
  const auto pictures = torch::tensor({1, 0, 1}, torch::kInt64);
  const auto memory = attention->remember(annotations);
  const Reference reference(*attention, GetParam().options);
  std::vector<Vec> carried(3);
  Tensor before;
  for (const int64_t step : {0, 3, 6}) {
    const auto glimpse = attention->look(memory, hidden, pictures, step, {}, before);
    before = glimpse.carried;
    ASSERT_EQ(glimpse.alpha.sizes(), (std::vector<int64_t>{3, kL}));
    EXPECT_TRUE(torch::allclose(glimpse.alpha.sum(1), torch::ones({3}, torch::kDouble)));
    for (int64_t r = 0; r < 3; ++r) {
      const auto [alpha, context, left] =
          reference.look(matrix_of(annotations[pictures[r].item<int64_t>()]), vector_of(hidden[r]), step, carried[r]);
      carried[r] = left;
      EXPECT_TRUE(torch::allclose(glimpse.alpha[r], torch::tensor(alpha, torch::kDouble), 1e-9, 1e-10));
      EXPECT_TRUE(torch::allclose(glimpse.context[r], torch::tensor(context, torch::kDouble), 1e-9, 1e-10));
    }
  }
}

TEST_P(EveryAttention, GradientsEqualFiniteDifferences) {
  const auto attention = make(GetParam().options);
  const auto annotations = doubles({2, kL, kD}).set_requires_grad(true),
             hidden = doubles({3, kH}).set_requires_grad(true);
  const auto pictures = torch::tensor({1, 0, 1}, torch::kInt64);
  const auto weigh_alpha = doubles({3, kL}), weigh_context = doubles({3, kD});
  const auto loss = [&] {
    const auto memory = attention->remember(annotations);
    const auto first = attention->look(memory, hidden, pictures, 0);
    const auto glimpse = attention->look(memory, hidden, pictures, 1, {}, first.carried);
    return (glimpse.alpha * weigh_alpha).sum() + (glimpse.context * weigh_context).sum();
  };
  std::vector<Tensor> leaves = attention->parameters();
  leaves.push_back(annotations);
  leaves.push_back(hidden);
  expect_finite_differences(loss, leaves, 1e-6);
}

INSTANTIATE_TEST_SUITE_P(Scores, EveryAttention, testing::ValuesIn(kCases),
                         [](const auto& each) { return each.param.name; });

TEST(MultiHeadAttention, EqualsLibTorchsOwn) {
  AttentionOptions options = of("multi_head");
  options.size = kD;
  options.heads = 3;
  const auto attention = make(options);
  torch::nn::MultiheadAttention other(torch::nn::MultiheadAttentionOptions(kD, 3));
  other->to(torch::kDouble);
  std::map<std::string, Tensor> p;
  for (const auto& item : attention->named_parameters()) p[item.key()] = item.value();
  const torch::NoGradGuard no_grad;
  other->in_proj_weight.copy_(torch::cat({p["query.weight"], p["key.weight"], p["value.weight"]}));
  other->in_proj_bias.copy_(torch::cat({p["query.bias"], p["key.bias"], p["value.bias"]}));
  other->out_proj->weight.copy_(p["out.weight"]);
  other->out_proj->bias.copy_(p["out.bias"]);
  const auto annotations = doubles({1, kL, kD}), hidden = doubles({4, kH});
  const auto ours = attention->look(attention->remember(annotations), hidden, torch::zeros({4}, torch::kInt64), 0);
  const auto keys = annotations.transpose(0, 1);  // [L, 1, D]
  const auto [context, alpha] = other->forward(hidden.unsqueeze(1), keys, keys);
  EXPECT_TRUE(torch::allclose(ours.context, context.squeeze(1), 1e-9, 1e-10));
  EXPECT_TRUE(torch::allclose(ours.alpha, alpha.squeeze(0), 1e-9, 1e-10));
}

TEST(SelfAttention, EqualsABlockOfLibTorchsOwnParts) {
  torch::manual_seed(4);
  AttentionOptions options = of("additive");
  options.self_blocks = 1;
  SelfAttention self(options, kD);
  self.to(torch::kDouble);
  std::map<std::string, Tensor> p;
  for (const auto& item : self.named_parameters()) p[item.key()] = item.value();
  torch::nn::MultiheadAttention heads(torch::nn::MultiheadAttentionOptions(kD, 2));
  heads->to(torch::kDouble);
  const torch::NoGradGuard no_grad;
  heads->in_proj_weight.copy_(p["0_queries_keys_values.weight"]);
  heads->in_proj_bias.copy_(p["0_queries_keys_values.bias"]);
  heads->out_proj->weight.copy_(p["0_out.weight"]);
  heads->out_proj->bias.copy_(p["0_out.bias"]);
  const auto norm = [](const Tensor& x) {
    return (x - x.mean(-1, true)) / (x.var(-1, /*unbiased=*/false, /*keepdim=*/true) + 1e-5).sqrt();
  };
  const auto x = doubles({3, kL, kD});
  const auto first = norm(x).transpose(0, 1);                                              // [L, B, D]
  Tensor expected = x + std::get<0>(heads->forward(first, first, first)).transpose(0, 1);  // [B, L, D]
  const auto inner = norm(expected).matmul(p["0_inner.weight"].t()) + p["0_inner.bias"];   // [B, L, 4D]
  expected = norm(expected + inner.clamp_min(0).matmul(p["0_outer.weight"].t()) + p["0_outer.bias"]);
  EXPECT_TRUE(torch::allclose(self.forward(x), expected, 1e-8, 1e-9));
}

/// Rows with mean 0 and variance 1, as a norm that has learnt nothing yet leaves them.
Matrix normal(const Matrix& rows) {
  Matrix out;
  for (const auto& row : rows) {
    const auto n = static_cast<double>(row.size());
    double mean = 0, variance = 0;
    for (const double x : row) mean += x / n;
    for (const double x : row) variance += (x - mean) * (x - mean) / n;
    out.emplace_back();
    for (const double x : row) out.back().push_back((x - mean) / std::sqrt(variance + 1e-5));
  }
  return out;
}

AttentionOptions blocks(const std::string& self_kind) {
  AttentionOptions options = of("additive");
  options.self_blocks = 2;
  options.self_kind = self_kind;
  options.persistent_vectors = 3;
  return options;
}

/// The share of head n of a vector.
Vec head(const Vec& x, size_t n, size_t size, size_t from = 0) {
  return Vec(x.begin() + static_cast<int64_t>(from + n * size),
             x.begin() + static_cast<int64_t>(from + (n + 1) * size));
}

TEST(SelfAttention, AllAttentionIsThePapersWithPersistentKeysAndValuesBesideThoseOfTheCells) {
  torch::manual_seed(5);
  const auto options = blocks("all_attention");
  SelfAttention self(options, kD);
  self.to(torch::kDouble);
  const Reference reference(self, options);
  const auto x = doubles({2, kL, kD}), out = self.forward(x);
  const size_t n = 2, d = kD / 2;
  for (int64_t b = 0; b < 2; ++b) {
    Matrix a = matrix_of(x[b]);
    for (const std::string block : {"0_", "1_"}) {
      Matrix parts;
      for (const auto& row : normal(a)) parts.push_back(reference.linear(block + "queries_keys_values", row));
      for (size_t i = 0; i < a.size(); ++i) {
        Vec contexts;
        for (size_t k = 0; k < n; ++k) {
          Matrix keys, values;
          for (const auto& part : parts) {
            keys.push_back(head(part, k, d, kD));
            values.push_back(head(part, k, d, 2 * kD));
          }
          for (int64_t m = 0; m < 3; ++m) {
            const auto of_head = [&](const char* name) { return reference.p.at(block + name)[k][m]; };
            keys.push_back(vector_of(of_head("persistent_keys") * std::sqrt(d)));
            values.push_back(vector_of(of_head("persistent_values") * std::sqrt(3)));
          }
          Vec scores;
          for (const auto& key : keys)
            scores.push_back(Reference::dot(head(parts[i], k, d), key) / std::sqrt(static_cast<double>(d)));
          for (const double v : Reference::mix(Reference::softmax(scores), values)) contexts.push_back(v);
        }
        const auto y = reference.linear(block + "out", contexts);
        for (size_t j = 0; j < y.size(); ++j) a[i][j] += y[j];
      }
    }
    a = normal(a);
    for (size_t i = 0; i < a.size(); ++i)
      EXPECT_TRUE(torch::allclose(out[b][static_cast<int64_t>(i)], torch::tensor(a[i], torch::kDouble), 1e-8, 1e-9));
  }
}

TEST(SelfAttention, GraphIsThePapersOverACellAndItsNeighbours) {
  torch::manual_seed(6);
  const auto options = blocks("graph");
  SelfAttention self(options, kD);
  self.to(torch::kDouble);
  const Reference reference(self, options);
  const auto x = doubles({2, kL, kD}), out = self.forward(x);
  const size_t d = kD / 2;
  for (int64_t b = 0; b < 2; ++b) {
    Matrix a = matrix_of(x[b]);
    for (const std::string block : {"0_", "1_"}) {
      Matrix w;
      for (const auto& row : normal(a)) w.push_back(reference.linear(block + "transform", row));
      for (int64_t i = 0; i < kL; ++i) {
        for (int64_t k = 0; k < 2; ++k) {
          const auto from = vector_of(reference.p.at(block + "from")[k]),
                     to = vector_of(reference.p.at(block + "to")[k]);
          Vec scores;
          Matrix values;
          for (int64_t j = 0; j < kL; ++j) {
            if (std::abs(i / kSide - j / kSide) > 1 || std::abs(i % kSide - j % kSide) > 1) continue;
            values.push_back(head(w[static_cast<size_t>(j)], static_cast<size_t>(k), d));
            const double e = Reference::dot(from, head(w[static_cast<size_t>(i)], static_cast<size_t>(k), d)) +
                             Reference::dot(to, values.back());
            scores.push_back(e < 0 ? 0.2 * e : e);
          }
          const auto mixed = Reference::mix(Reference::softmax(scores), values);
          for (size_t j = 0; j < d; ++j)
            a[static_cast<size_t>(i)][static_cast<size_t>(k) * d + j] +=
                mixed[j] > 0 ? mixed[j] : std::exp(mixed[j]) - 1;
        }
      }
    }
    a = normal(a);
    for (size_t i = 0; i < a.size(); ++i)
      EXPECT_TRUE(torch::allclose(out[b][static_cast<int64_t>(i)], torch::tensor(a[i], torch::kDouble), 1e-8, 1e-9));
  }
}

TEST(SelfAttention, GradientsEqualFiniteDifferences) {
  for (const char* kind : {"transformer", "all_attention", "graph"}) {
    torch::manual_seed(7);
    auto options = blocks(kind);
    options.self_blocks = 1;
    SelfAttention self(options, kD);
    self.to(torch::kDouble);
    const auto x = doubles({1, 9, kD}).set_requires_grad(true), weights = doubles({1, 9, kD});
    auto leaves = self.parameters();
    leaves.push_back(x);
    expect_finite_differences([&] { return (self.forward(x) * weights).sum(); }, leaves, 1e-6);
  }
}

class RecalibrationKinds : public testing::TestWithParam<std::string> {};

TEST_P(RecalibrationKinds, EqualsItsPapersFormula) {
  torch::manual_seed(8);
  Recalibration recalibration(GetParam(), 2, kD);
  recalibration.to(torch::kDouble);
  const Reference reference(recalibration, {});
  const auto x = doubles({2, kL, kD}), out = recalibration.forward(x);
  const auto sigmoid = [](double value) { return 1 / (1 + std::exp(-value)); };
  const auto mean = [](const Vec& values) {
    double sum = 0;
    for (const double value : values) sum += value;
    return sum / static_cast<double>(values.size());
  };
  const auto most = [](const Vec& values) { return *std::max_element(values.begin(), values.end()); };
  for (int64_t b = 0; b < 2; ++b) {
    Matrix channels = Reference::transposed(matrix_of(x[b]));  // [D][L]
    const auto score = [&](const auto& pool) {
      Vec pooled;
      for (const auto& map : channels) pooled.push_back(pool(map));
      Vec inner = reference.linear("squeeze", pooled);
      for (auto& value : inner) value = std::max(value, 0.0);
      return reference.linear("excite", inner);
    };
    const bool spatial = GetParam() == "cbam";
    const Vec of_means = score(mean), of_most = spatial ? score(most) : Vec(kD, 0);
    for (size_t d = 0; d < channels.size(); ++d)
      for (auto& value : channels[d]) value *= sigmoid(of_means[d] + of_most[d]);
    Matrix cells = Reference::transposed(channels);  // [L][D]
    if (spatial) {
      Matrix pooled(2);
      for (const auto& cell : cells) {
        pooled[0].push_back(mean(cell));
        pooled[1].push_back(most(cell));
      }
      const auto scores = reference.convolve("spatial", pooled)[0];
      for (size_t l = 0; l < cells.size(); ++l)
        for (auto& value : cells[l]) value *= sigmoid(scores[l]);
    }
    for (size_t l = 0; l < cells.size(); ++l)
      EXPECT_TRUE(
          torch::allclose(out[b][static_cast<int64_t>(l)], torch::tensor(cells[l], torch::kDouble), 1e-9, 1e-10));
  }
}

TEST_P(RecalibrationKinds, GradientsEqualFiniteDifferences) {
  torch::manual_seed(9);
  Recalibration recalibration(GetParam(), 2, kD);
  recalibration.to(torch::kDouble);
  const auto x = doubles({2, kL, kD}).set_requires_grad(true), weights = doubles({2, kL, kD});
  auto leaves = recalibration.parameters();
  leaves.push_back(x);
  expect_finite_differences([&] { return (recalibration.forward(x) * weights).sum(); }, leaves, 1e-6);
}

INSTANTIATE_TEST_SUITE_P(Kinds, RecalibrationKinds, testing::Values("se", "cbam"));

TEST(HardAttention, LooksAtExactlyOneCell) {
  for (const char* score : {"additive", "dot", "multi_head", "convolutional", "attentive_reader", "impatient_reader"}) {
    const auto attention = make(of(score, "none", "hard"));
    const auto annotations = doubles({2, kL, kD}), hidden = doubles({4, kH});
    const auto pictures = torch::tensor({0, 1, 1, 0}, torch::kInt64);
    auto memory = attention->remember(annotations);
    const auto expected = attention->look(memory, hidden, pictures, 0);
    EXPECT_FALSE(expected.location.defined());
    const auto cells = torch::tensor({3, 24, -1, 0}, torch::kInt64);
    const auto forced = attention->look(memory, hidden, pictures, 0, cells);
    EXPECT_TRUE(torch::equal(forced.location, cells));
    EXPECT_TRUE(torch::allclose(forced.context[2], expected.context[2]));
    EXPECT_TRUE(torch::allclose(forced.alpha, expected.alpha));
    // A picture whose annotations are all alike gives the same context whatever the weights: that of any one cell.
    for (const int64_t r : {0, 1, 3}) {
      const auto one = annotations[pictures[r].item<int64_t>()][cells[r].item<int64_t>()];  // [D]
      const auto alike = attention->remember(one.expand({1, kL, kD}));
      const auto there = attention->look(alike, hidden.narrow(0, r, 1), torch::zeros({1}, torch::kInt64), 0,
                                         torch::full({1}, -1, torch::kInt64));
      EXPECT_TRUE(torch::allclose(forced.context[r], there.context[0])) << score << " row " << r;
    }
    memory.locations = Locations::kArgMax;
    EXPECT_TRUE(torch::equal(attention->look(memory, hidden, pictures, 0).location, expected.alpha.argmax(1)));
  }
}

TEST(HardAttention, SamplesLocationsAsOftenAsTheirWeightsSay) {
  const auto attention = make(of("additive", "none", "hard"));
  constexpr int64_t kRows = 40000;
  const auto annotations = 3 * doubles({1, kL, kD}), hidden = doubles({1, kH}).expand({kRows, kH});
  auto memory = attention->remember(annotations);
  memory.locations = Locations::kSampled;
  const auto glimpse = attention->look(memory, hidden, torch::zeros({kRows}, torch::kInt64), 0);
  const auto share = torch::bincount(glimpse.location, {}, kL).to(torch::kDouble) / static_cast<double>(kRows);  // [L]
  const auto alpha = glimpse.alpha[0];                                                                           // [L]
  const auto deviation = (alpha * (1 - alpha) / static_cast<double>(kRows)).sqrt();                              // [L]
  EXPECT_TRUE(((share - alpha).abs() <= 4.5 * deviation).all().item<bool>());
}

TEST(HardAttention, ShowsAShareOfTrainingsPicturesTheExpectedContext) {
  auto options = of("additive", "none", "hard");
  options.expected_share = 0.3;
  const auto attention = make(options);
  attention->train();
  const auto memory = attention->remember(doubles({4000, 4, kD}));
  const double share = memory.expected.to(torch::kDouble).mean().item<double>();
  EXPECT_NEAR(share, 0.3, 0.03);
  // All rows of a picture share its fate.
  const auto pictures = torch::arange(20, torch::kInt64).repeat_interleave(5);  // [R]
  const auto glimpse = attention->look(memory, doubles({100, kH}), pictures, 0);
  EXPECT_TRUE(torch::equal(glimpse.location < 0, memory.expected.index_select(0, pictures)));
}

TEST(CheckAttention, RefusesTheImpossibleByName) {
  const auto refusal = [](AttentionOptions options, int64_t D = kD, int64_t H = kH) -> std::string {
    try {
      check_attention(options, {kSide, kSide}, D, H);
    } catch (const UsageError& error) {
      return error.what();
    }
    return "";
  };
  for (const auto& c : kCases) EXPECT_EQ(refusal(c.options), "") << c.name;
  auto options = of("multi_head");
  options.heads = 3;
  EXPECT_NE(refusal(options).find("heads: 3 don't divide"), std::string::npos);
  options = of("additive");
  options.self_blocks = 1;
  options.heads = 4;
  EXPECT_NE(refusal(options).find("attention.heads: 4 don't divide"), std::string::npos);
  options = of("additive");
  options.self_kind = "graph";
  EXPECT_NE(refusal(options).find("attention.self_kind: graph is a kind of block"), std::string::npos);
  options.self_blocks = 1;
  EXPECT_EQ(refusal(options), "");
  options = of("additive");
  options.recalibration = "se";
  EXPECT_NE(refusal(options).find("attention.reduction: 16 leaves nothing of the annotation size 6"),
            std::string::npos);
  options.reduction = 3;
  EXPECT_EQ(refusal(options), "");
  EXPECT_NE(refusal(of("dot"), 8).find("decoder.annotation_size to 6"), std::string::npos);
  options = of("additive", "local_p");
  options.window_radius = 3;
  EXPECT_NE(refusal(options).find("larger than the grid of 5x5"), std::string::npos);
  options = of("gaussian");
  options.filters = 6;
  EXPECT_NE(refusal(options).find("filters: 6"), std::string::npos);
  EXPECT_NE(refusal(of("gaussian", "none", "hard")).find("no distribution"), std::string::npos);
  EXPECT_NE(refusal(of("gaussian", "local_m")).find("window"), std::string::npos);
  EXPECT_NE(refusal(of("additive", "local_m", "none")).find("window"), std::string::npos);
}

}  // namespace
}  // namespace attend
