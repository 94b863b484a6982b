// R rows · L grid cells · n heads · A and D size of keys and values, of all heads together
#include "kernels/lanes.h"
#include "kernels/set.h"

namespace attend::kernels::ATTEND_SET {
namespace {

// The kernel is written once for Lanes and for a lone double, which is there for finite differences.
template <class T>
struct Vectors {
  using Vector = Lanes;
  static constexpr int kWidth = kLanes;
};
template <>
struct Vectors<double> {
  using Vector = double;
  static constexpr int kWidth = 1;
};
template <class T>
using Vector = typename Vectors<T>::Vector;
template <class T>
constexpr int kWidth = Vectors<T>::kWidth;

[[gnu::always_inline]] inline double load_lanes(const double* from, int64_t count) { return count > 0 ? *from : 0; }
[[gnu::always_inline]] inline void store_lanes(double* to, double value, int64_t count) {
  if (count > 0) *to = value;
}
using ATTEND_SET::load_lanes;
using ATTEND_SET::store_lanes;
[[gnu::always_inline]] inline double reciprocal(double x) { return 1 / x; }
using ATTEND_SET::reciprocal;
[[gnu::always_inline]] inline double smaller(double a, double b) { return a < b ? a : b; }
using ATTEND_SET::smaller;
[[gnu::always_inline]] inline double sum_of(double value) { return value; }
using ATTEND_SET::sum_of;

[[gnu::always_inline]] inline double exponential(double x) { return __builtin_exp(x); }
[[gnu::always_inline]] inline float exponential(float x) { return __builtin_expf(x); }

/// Scores of a head's keys against its query. Both know forward(), what 2 W of the keys' entries add to the score of one
/// cell, and backward(), which takes the gradient `g` of that score, for W entries. left: entries there are.
///
/// The additive one is handed e^2k and e^2q. With x = e^2k e^2q + 1 it is v · (1 - 2 / x), of which softmax doesn't see the
/// first part. Two entries share a reciprocal: v / x + w / y = (v y + w x) / (x y).
template <class T>
struct AdditiveScore {
  const T* minus_2v;

  /// Where it is large, 1 / x is nothing; the product of two must stay finite, as 1 / infinity wouldn't survive Newton's step.
  [[gnu::always_inline]] static Vector<T> denominator(Vector<T> key, Vector<T> query) {
    return smaller(Vector<T>{} + T(1e15), key * query + 1);
  }
  template <class K>
  [[gnu::always_inline]] Vector<T> forward(const K* key, const T* query, int64_t a, int64_t left) const {
    constexpr int64_t W = kWidth<T>;
    const Vector<T> x = denominator(load_lanes(key, left), load_lanes(query, left));
    const Vector<T> y = denominator(load_lanes(key + W, left - W), load_lanes(query + W, left - W));
    const Vector<T> v = load_lanes(minus_2v + a, left), w = load_lanes(minus_2v + a + W, left - W);
    return (v * y + w * x) * reciprocal(x * y);
  }
  [[gnu::always_inline]] void backward(T g, Vector<T> key, Vector<T> query, int64_t a, int64_t left,
                                       Vector<T>& grad_key, Vector<T>& grad_query, Vector<T>& grad_v) const {
    const Vector<T> r = reciprocal(denominator(key, query));
    grad_key = (-2 * g) * load_lanes(minus_2v + a, left) * (r - r * r);
    grad_query += grad_key;
    grad_v += (-2 * g) * r;  // of v: the g of all cells sum to nothing, so g · 1 is left out
  }
};

template <class T>
struct DotScore {
  T scale;

  template <class K>
  [[gnu::always_inline]] Vector<T> forward(const K* key, const T* query, int64_t, int64_t left) const {
    constexpr int64_t W = kWidth<T>;
    return scale * (load_lanes(key, left) * load_lanes(query, left) +
                    load_lanes(key + W, left - W) * load_lanes(query + W, left - W));
  }
  [[gnu::always_inline]] void backward(T g, Vector<T> key, Vector<T> query, int64_t, int64_t, Vector<T>& grad_key,
                                       Vector<T>& grad_query, Vector<T>&) const {
    grad_key = g * scale * query;
    grad_query += g * scale * key;
  }
};

template <class T>
void softmax_in_place(T* score, int64_t L) {
  T largest = score[0], sum = 0;
  for (int64_t l = 1; l < L; ++l) largest = most(largest, score[l]);
  for (int64_t l = 0; l < L; ++l) sum += score[l] = exponential(score[l] - largest);
  for (int64_t l = 0; l < L; ++l) score[l] /= sum;
}

// Keys and values are read from far away, but for the first row that looks at them: the next ones find these cells in the nearest
// cache. As many sums, which don't wait for one another, fill the pipelines.
constexpr int kCells = 4;

/// Calls body(l, cells) for every kCells cells of `values` [L, stride]; those past the last are the last one again.
template <class T, class Body>
[[gnu::always_inline]] inline void in_cells(const T* values, int64_t L, int64_t stride, Body&& body) {
  for (int64_t l = 0; l < L; l += kCells) {
    const T* cells[kCells];
    unroll<kCells>([&](auto c)
                       __attribute__((always_inline)) { cells[c] = values + least<int64_t>(l + c, L - 1) * stride; });
    body(l, cells);
  }
}

/// T: of queries and results. K: of keys and values.
template <class T, class K, class Score>
void forward_rows(const Attention& a, const Score& score, int64_t p, int64_t n, const int64_t* rows, int64_t count) {
  constexpr int W = kWidth<T>;
  const int64_t L = a.L, head_A = a.A / a.heads, head_D = a.D / a.heads;
  const K *all_keys = static_cast<const K*>(a.keys), *all_values = static_cast<const K*>(a.values);
  const T *queries = static_cast<const T*>(a.queries), *bias = static_cast<const T*>(a.bias);
  const auto alpha_of = [&](int64_t i) { return static_cast<T*>(a.alpha) + (rows[i] * a.heads + n) * L; };
  in_cells(all_keys + p * L * a.A + n * head_A, L, a.A, [&](int64_t l, const K* const* keys) {
    for (int64_t i = 0; i < count; ++i) {
      const T* query = queries + rows[i] * a.A + n * head_A;
      Vector<T> sum[kCells]{};
      in_steps<2 * W>(
          head_A, [&](int64_t at, auto left) __attribute__((always_inline)) {
            unroll<kCells>([&](auto c) __attribute__((always_inline)) {
              sum[c] += score.forward(keys[c] + at, query + at, at, left);
            });
          });
      unroll<kCells>([&](auto c) __attribute__((always_inline)) {
        if (l + c < L) alpha_of(i)[l + c] = sum_of(sum[c]) + (bias ? bias[rows[i] * L + l + c] : 0);
      });
    }
  });
  for (int64_t i = 0; i < count; ++i) softmax_in_place(alpha_of(i), L);
  in_cells(all_values + p * L * a.D + n * head_D, L, a.D, [&](int64_t l, const K* const* values) {
    for (int64_t i = 0; i < count; ++i) {
      T weight[kCells];
      unroll<kCells>([&](auto c) __attribute__((always_inline)) { weight[c] = l + c < L ? alpha_of(i)[l + c] : 0; });
      T* context = static_cast<T*>(a.context) + rows[i] * a.D + n * head_D;
      in_steps<W>(
          head_D, [&](int64_t d, auto left) __attribute__((always_inline)) {
            Vector<T> sum = load_lanes(context + d, left);
            unroll<kCells>([&](auto c)
                               __attribute__((always_inline)) { sum += weight[c] * load_lanes(values[c] + d, left); });
            store_lanes(context + d, sum, left);
          });
    }
  });
}

/// Adds one head's share of this row to the gradients of its picture (grad_keys, grad_values) and of v, and writes its
/// grad_query.
template <class T, class Score>
void backward_row(const AttentionBackward& b, const Score& score, int64_t p, int64_t n, int64_t r) {
  constexpr int W = kWidth<T>;
  const Attention& a = b.forward;
  const int64_t L = a.L, head_A = a.A / a.heads, head_D = a.D / a.heads;
  const int64_t of_keys = p * L * a.A + n * head_A, of_values = p * L * a.D + n * head_D;
  const int64_t of_query = r * a.A + n * head_A, of_weights = (r * a.heads + n) * L;
  const T *keys = static_cast<const T*>(a.keys) + of_keys, *values = static_cast<const T*>(a.values) + of_values;
  const T *query = static_cast<const T*>(a.queries) + of_query, *alpha = static_cast<const T*>(a.alpha) + of_weights;
  const T* grad_context = static_cast<const T*>(b.grad_context) + r * a.D + n * head_D;
  T *grad_keys = static_cast<T*>(b.grad_keys) + of_keys, *grad_values = static_cast<T*>(b.grad_values) + of_values;
  T *grad_query = static_cast<T*>(b.grad_queries) + of_query, *grad_alpha = static_cast<T*>(b.grad_alpha) + of_weights;
  T* grad_v = b.grad_v ? static_cast<T*>(b.grad_v) + p * a.A : nullptr;
  T mean = 0;
  for (int64_t l = 0; l < L; ++l) {
    const T* value = values + l * a.D;
    T* grad_value = grad_values + l * a.D;
    Vector<T> sum{};
    for (int64_t d = 0; d < head_D; d += W) {
      const int64_t left = head_D - d;
      const Vector<T> g = load_lanes(grad_context + d, left);
      sum += g * load_lanes(value + d, left);
      store_lanes(grad_value + d, load_lanes(grad_value + d, left) + alpha[l] * g, left);
    }
    grad_alpha[l] += sum_of(sum);
    mean += alpha[l] * grad_alpha[l];
  }
  // Through softmax.
  for (int64_t l = 0; l < L; ++l) grad_alpha[l] = alpha[l] * (grad_alpha[l] - mean);
  for (int64_t at = 0; at < head_A; at += W) {
    const int64_t left = head_A - at;
    const Vector<T> qa = load_lanes(query + at, left);
    Vector<T> grad_qa{}, grad_va{};
    for (int64_t l = 0; l < L; ++l) {
      T* grad_key = grad_keys + l * a.A + at;
      Vector<T> g;
      score.backward(grad_alpha[l], load_lanes(keys + l * a.A + at, left), qa, at, left, g, grad_qa, grad_va);
      store_lanes(grad_key, load_lanes(grad_key, left) + g, left);
    }
    store_lanes(grad_query + at, grad_qa, left);
    if (grad_v) store_lanes(grad_v + at, load_lanes(grad_v + at, left) + grad_va, left);
  }
}

template <class T, class Body>
[[gnu::always_inline]] inline void with_score(const Attention& a, Body&& body) {
  if (a.minus_2v)
    body(AdditiveScore<T>{static_cast<const T*>(a.minus_2v)});
  else
    body(DotScore<T>{static_cast<T>(a.scale)});
}

}  // namespace

void attend(const Attention& a, int64_t picture, int64_t head, const int64_t* rows, int64_t count) {
  const auto run = [&]<class T, class K>() {
    with_score<T>(a, [&](const auto& score) { forward_rows<T, K>(a, score, picture, head, rows, count); });
  };
  if (a.storage == Storage::kDouble)
    run.template operator()<double, double>();
  else if (a.storage == Storage::kBFloat16)
    run.template operator()<float, BFloat16>();
  else
    run.template operator()<float, float>();
}

void attend_backward(const AttentionBackward& b, int64_t picture, int64_t head, int64_t row) {
  const auto run = [&]<class T>() {
    with_score<T>(b.forward, [&](const auto& score) { backward_row<T>(b, score, picture, head, row); });
  };
  b.forward.storage == Storage::kDouble ? run.template operator()<double>() : run.template operator()<float>();
}

}  // namespace attend::kernels::ATTEND_SET
