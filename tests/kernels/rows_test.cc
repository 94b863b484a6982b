// Attention, the cell of the LSTM, and what stands around products.
#include <algorithm>

#include "every_set.h"

namespace attend::kernels {
namespace {

class RowKernels : public EverySet {};
ATTEND_FOR_EVERY_SET(RowKernels);

struct Sizes {
  int64_t L, A, D, heads;
};
const Sizes kSizes[] = {{1, 1, 1, 1}, {5, 16, 24, 1}, {9, 33, 20, 1}, {14, 40, 48, 4}};
constexpr int64_t kPictures = 2, kRows = 3;
constexpr int64_t kPictureOf[kRows] = {1, 0, 1};

template <class T>
void expect_attention(const Kernels& set, bool additive, double tolerance) {
  for (const auto& [L, A, D, heads] : kSizes) {
    if (additive && heads > 1) continue;
    std::mt19937 random(static_cast<unsigned>(L));
    const auto keys = random_values<T>(kPictures * L * A, random), values = random_values<T>(kPictures * L * D, random);
    const auto queries = random_values<T>(kRows * A, random), v = random_values<T>(A, random),
               bias = random_values<T>(kRows * L, random);
    std::vector<T> minus_2v(v), exp_keys(keys), exp_queries(queries);
    for (auto& value : minus_2v) value *= -2;
    for (auto& value : exp_keys) value = std::exp(2 * value);
    for (auto& value : exp_queries) value = std::exp(2 * value);
    std::vector<T> alpha(kRows * heads * L), context(kRows * D);
    const Attention work{L,
                         A,
                         D,
                         heads,
                         storage_of<T>(),
                         (additive ? exp_keys : keys).data(),
                         values.data(),
                         (additive ? exp_queries : queries).data(),
                         additive ? minus_2v.data() : nullptr,
                         0.3,
                         bias.data(),
                         alpha.data(),
                         context.data()};
    const int64_t of_second[] = {0, 2}, of_first[] = {1};
    for (int64_t head = 0; head < heads; ++head) {
      set.attend(work, 1, head, of_second, 2);
      set.attend(work, 0, head, of_first, 1);
    }
    for (int64_t r = 0; r < kRows; ++r) {
      for (int64_t n = 0; n < heads; ++n) {
        std::vector<double> weight(static_cast<size_t>(L));
        double sum = 0;
        for (int64_t l = 0; l < L; ++l) {
          double score = bias[r * L + l];
          for (int64_t a = n * A / heads; a < (n + 1) * A / heads; ++a) {
            const double key = keys[(kPictureOf[r] * L + l) * A + a], query = queries[r * A + a];
            score += additive ? v[a] * std::tanh(key + query) : 0.3 * key * query;
          }
          sum += weight[l] = std::exp(score);
        }
        for (int64_t l = 0; l < L; ++l)
          ASSERT_NEAR(alpha[(r * heads + n) * L + l], weight[l] / sum, tolerance) << L << ' ' << l;
        for (int64_t d = n * D / heads; d < (n + 1) * D / heads; ++d) {
          double expected = 0;
          for (int64_t l = 0; l < L; ++l) expected += weight[l] / sum * values[(kPictureOf[r] * L + l) * D + d];
          ASSERT_NEAR(context[r * D + d], expected, tolerance) << L << ' ' << d;
        }
      }
    }
  }
}

TEST_P(RowKernels, AttendByAdditiveScores) {
  expect_attention<float>(set(), true, 3e-5);
  expect_attention<double>(set(), true, 1e-12);
}

TEST_P(RowKernels, AttendByDotProducts) {
  expect_attention<float>(set(), false, 1e-5);
  expect_attention<double>(set(), false, 1e-12);
}

// The loss is a sum of the context's entries, each times a factor.
TEST_P(RowKernels, GoBackThroughAttentionAsFiniteDifferencesDo) {
  const int64_t L = 4, A = 6, D = 5;
  for (const bool additive : {false, true}) {
    std::mt19937 random(7);
    std::vector<double> keys = random_values<double>(kPictures * L * A, random),
                        queries = random_values<double>(kRows * A, random), v = random_values<double>(A, random),
                        values = random_values<double>(kPictures * L * D, random);
    const auto factors = random_values<double>(kRows * D, random);
    std::vector<double> alpha(kRows * L), context(kRows * D), k, q, minus_2v;
    const auto work = [&] {
      k = keys, q = queries, minus_2v = v;
      if (additive) {
        for (auto* values_of : {&k, &q})
          for (auto& value : *values_of) value = std::exp(2 * value);
        for (auto& value : minus_2v) value *= -2;
      }
      return Attention{L,
                       A,
                       D,
                       1,
                       Storage::kDouble,
                       k.data(),
                       values.data(),
                       q.data(),
                       additive ? minus_2v.data() : nullptr,
                       0.3,
                       nullptr,
                       alpha.data(),
                       context.data()};
    };
    const auto loss = [&] {
      std::fill(context.begin(), context.end(), 0);
      const auto pass = work();
      for (int64_t r = 0; r < kRows; ++r) set().attend(pass, kPictureOf[r], 0, &r, 1);
      double sum = 0;
      for (size_t i = 0; i < context.size(); ++i) sum += factors[i] * context[i];
      return sum;
    };
    loss();
    std::vector<double> grad_alpha(alpha.size()), grad_keys(keys.size()), grad_values(values.size()),
        grad_v(kPictures * A), grad_queries(queries.size());
    const AttentionBackward back{
        work(),        factors.data(),     grad_alpha.data(), grad_keys.data(), grad_values.data(),
        grad_v.data(), grad_queries.data()};
    for (int64_t r = 0; r < kRows; ++r) set().attend_backward(back, kPictureOf[r], 0, r);
    const auto expect_gradient = [&](std::vector<double>& of, const std::vector<double>& gradient, size_t copies) {
      for (size_t i = 0; i < of.size(); ++i) {
        const double before = of[i], step = 1e-5;
        of[i] = before + step;
        const double above = loss();
        of[i] = before - step;
        const double below = loss();
        of[i] = before;
        double sum = 0;
        for (size_t copy = 0; copy < copies; ++copy) sum += gradient[copy * of.size() + i];
        ASSERT_NEAR(sum, (above - below) / (2 * step), 1e-7) << additive << ' ' << i;
      }
    };
    expect_gradient(keys, grad_keys, 1);
    expect_gradient(queries, grad_queries, 1);
    expect_gradient(values, grad_values, 1);
    if (additive) expect_gradient(v, grad_v, kPictures);
  }
}

TEST_P(RowKernels, AreTheCellOfTheLstm) {
  for (const int64_t H : {1, 7, 16, 37}) {
    std::mt19937 random(static_cast<unsigned>(H));
    const auto word = random_values<float>(kRows * 4 * H, random, 2),
               state = random_values<float>(kRows * 4 * H, random, 2), c = random_values<float>(kRows * H, random);
    std::vector<float> h(kRows * H, -1), next(kRows * H, -1);
    set().lstm_cell(H, word.data(), state.data(), c.data(), h.data(), next.data(), 1, kRows);
    EXPECT_EQ(h[0], -1) << "a row that wasn't asked for";
    const auto sigmoid = [](double x) { return 1 / (1 + std::exp(-x)); };
    for (int64_t row = 1; row < kRows; ++row) {
      for (int64_t i = 0; i < H; ++i) {
        const auto gate = [&](int64_t number) {
          const int64_t at = (row * 4 + number) * H + i;
          return static_cast<double>(word[at]) + state[at];
        };
        const double cell = sigmoid(gate(1)) * c[row * H + i] + sigmoid(gate(0)) * std::tanh(gate(3));
        ASSERT_NEAR(next[row * H + i], cell, 2e-6) << H;
        ASSERT_NEAR(h[row * H + i], sigmoid(gate(2)) * std::tanh(cell), 2e-6) << H;
      }
    }
  }
}

TEST_P(RowKernels, GoBackThroughActivationAndBias) {
  for (const int64_t channels : {1, 5, 16, 24, 88, 120}) {
    for (const int64_t rows : {1, 3, 50}) {
      std::mt19937 random(static_cast<unsigned>(channels));
      const auto gy = random_values<float>(static_cast<size_t>(rows * channels), random);
      auto y = random_values<float>(gy.size(), random, 4);
      for (auto& value : y) value = std::clamp(value, 0.0f, 6.0f);
      const int64_t group = set().activation_group(channels);
      ASSERT_EQ(group % channels, 0);
      const int64_t parts = std::min<int64_t>((rows * channels + group - 1) / group, 3);
      std::vector<float> sums(static_cast<size_t>(parts * group)), out(gy.size());
      set().activation_backward({rows, channels, Storage::kFloat, Storage::kFloat, Storage::kFloat, gy.data(), y.data(),
                                 out.data(), parts, sums.data()},
                                0, parts);
      std::vector<double> got(static_cast<size_t>(channels)), expected(static_cast<size_t>(channels));
      for (size_t i = 0; i < gy.size(); ++i) {
        const float passed = y[i] > 0 && y[i] < 6 ? gy[i] : 0;
        ASSERT_EQ(out[i], passed) << channels << ' ' << i;
        expected[i % expected.size()] += passed;
      }
      for (size_t i = 0; i < sums.size(); ++i) got[i % static_cast<size_t>(group) % got.size()] += sums[i];
      for (size_t i = 0; i < got.size(); ++i) ASSERT_NEAR(got[i], expected[i], 1e-4) << channels << ' ' << rows;
    }
  }
}

template <class T>
void expect_patches(const Kernels& set, double tolerance) {
  constexpr int64_t kCount = 2, kHeight = 9, kWidth = 8, kStride = 2, kTop = 1, kLeft = 0;
  std::mt19937 random(3);
  const auto pictures = random_values<uint8_t>(kCount * kHeight * kWidth * 3, random);
  std::vector<T> patches(kCount * 5 * 4 * kPatchColumns);
  const Patches work{kHeight, kWidth, kStride, kTop, kLeft, 5, 4, storage_of<T>(), pictures.data(), patches.data()};
  std::vector<T> lines(static_cast<size_t>(3 * work.line_values()));
  set.extract_patches(work, lines.data(), 0, 3);
  set.extract_patches(work, lines.data(), 3, kCount * 5);
  for (int64_t at = 0; at < static_cast<int64_t>(patches.size()); ++at) {
    const int64_t value = at % kPatchColumns, cell = at / kPatchColumns;
    const int64_t row = cell / 4 % 5 * kStride - kTop + value / 9, column = cell % 4 * kStride - kLeft + value % 9 / 3;
    double expected = std::is_same_v<T, uint8_t> ? 128 : 0;
    if (value >= 27) {
      expected = 0;
    } else if (row >= 0 && row < kHeight && column >= 0 && column < kWidth) {
      const uint8_t pixel = pictures[((cell / 20 * kHeight + row) * kWidth + column) * 3 + value % 3];
      expected = std::is_same_v<T, uint8_t> ? pixel : pixel / 127.5 - 1;
    }
    ASSERT_NEAR(value_of(patches[at]), expected, tolerance) << at;
  }
}

TEST_P(RowKernels, ExtractPatches) {
  expect_patches<uint8_t>(set(), 0);
  expect_patches<float>(set(), 1e-6);
  expect_patches<BFloat16>(set(), 4e-3);
}

}  // namespace
}  // namespace attend::kernels
