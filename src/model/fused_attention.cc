// B pictures · R rows · L grid cells · n heads · A and D size of keys and values, of all heads together
#include "model/fused_attention.h"

#include <array>
#include <cmath>
#include <type_traits>
#include <vector>

#include "model/lanes.h"

namespace attend {
namespace {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

// The kernel is written once for Lanes (sixteen floats) and for a lone double, which is there for finite differences.
template <class T>
using Vector = std::conditional_t<std::is_same_v<T, float>, Lanes, double>;
template <class T>
constexpr int64_t kWidth = std::is_same_v<T, float> ? kLanes : 1;

using ::attend::load_lanes;
using ::attend::store_lanes;
double load_lanes(const double* from, int64_t count) { return count > 0 ? *from : 0; }
void store_lanes(double* to, double value, int64_t count) {
  if (count > 0) *to = value;
}

using ::attend::reciprocal;
double reciprocal(double x) { return 1 / x; }

using ::attend::smaller;
double smaller(double a, double b) { return a < b ? a : b; }

float sum_of(Lanes lanes) {
  for (int64_t half = kLanes / 2; half > 0; half /= 2)
    for (int64_t i = 0; i < half; ++i) lanes[i] += lanes[i + half];
  return lanes[0];
}
double sum_of(double value) { return value; }

/// Rows sorted by picture: the rows of picture p are order[start[p]] … order[start[p + 1] - 1].
struct RowsByPicture {
  std::vector<int64_t> start, order;

  struct Group {
    int64_t picture, first, count;  // rows order[first] … order[first + count - 1]
  };
  /// All rows, `most` of one picture at a time.
  std::vector<Group> groups(int64_t most) const {
    std::vector<Group> groups;
    for (size_t p = 0; p + 1 < start.size(); ++p)
      for (int64_t first = start[p]; first < start[p + 1]; first += most)
        groups.push_back({static_cast<int64_t>(p), first, std::min(most, start[p + 1] - first)});
    return groups;
  }

  RowsByPicture(const Tensor& pictures, int64_t count) : start(count + 1, 0), order(pictures.size(0)) {
    const auto* picture = pictures.data_ptr<int64_t>();
    for (size_t r = 0; r < order.size(); ++r) {
      TORCH_CHECK(picture[r] >= 0 && picture[r] < count, "a row of picture ", picture[r], " of ", count);
      ++start[picture[r] + 1];
    }
    for (int64_t p = 0; p < count; ++p) start[p + 1] += start[p];
    std::vector<int64_t> next(start.begin(), start.end() - 1);
    for (size_t r = 0; r < order.size(); ++r) order[next[picture[r]]++] = static_cast<int64_t>(r);
  }
};

struct Sizes {
  int64_t B, L, A, D, R, heads, head_A, head_D;
  Sizes(const Tensor& keys, const Tensor& queries, const Tensor& values, int64_t head_count)
      : B(keys.size(0)), L(keys.size(1)), A(keys.size(2)), D(values.size(2)), R(queries.size(0)), heads(head_count),
        head_A(A / heads), head_D(D / heads) {}
};

/// Scores of a head's keys against its query. Both know forward(), what 2 W of the keys' entries add to the score of one
/// cell, and backward(), which takes the gradient `g` of that score, for W entries. left: entries there are.
///
/// The additive one is handed e^2k and e^2q. With x = e^2k e^2q + 1 it is v · (1 - 2 / x), of which softmax doesn't see the
/// first part. Two entries share a reciprocal: v / x + w / y = (v y + w x) / (x y).
template <class T>
struct AdditiveScore {
  const T* minus_2v;

  /// Where it is large, 1 / x is nothing; the product of two must stay finite, as 1 / infinity wouldn't survive Newton's step.
  static Vector<T> denominator(Vector<T> key, Vector<T> query) {
    return smaller(Vector<T>{} + T(1e15), key * query + 1);
  }
  template <class K>
  Vector<T> forward(const K* key, const T* query, int64_t a, int64_t left) const {
    constexpr int64_t W = kWidth<T>;
    const Vector<T> x = denominator(load_lanes(key, left), load_lanes(query, left));
    const Vector<T> y = denominator(load_lanes(key + W, left - W), load_lanes(query + W, left - W));
    const Vector<T> v = load_lanes(minus_2v + a, left), w = load_lanes(minus_2v + a + W, left - W);
    return (v * y + w * x) * reciprocal(x * y);
  }
  void backward(T g, Vector<T> key, Vector<T> query, int64_t a, int64_t left, Vector<T>& grad_key, Vector<T>& grad_query,
                Vector<T>& grad_v) const {
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
  Vector<T> forward(const K* key, const T* query, int64_t, int64_t left) const {
    constexpr int64_t W = kWidth<T>;
    return scale * (load_lanes(key, left) * load_lanes(query, left) +
                    load_lanes(key + W, left - W) * load_lanes(query + W, left - W));
  }
  void backward(T g, Vector<T> key, Vector<T> query, int64_t, int64_t, Vector<T>& grad_key, Vector<T>& grad_query,
                Vector<T>&) const {
    grad_key = g * scale * query;
    grad_query += g * scale * key;
  }
};

template <class T>
void softmax_in_place(T* score, int64_t L) {
  T largest = score[0], sum = 0;
  for (int64_t l = 1; l < L; ++l) largest = std::max(largest, score[l]);
  for (int64_t l = 0; l < L; ++l) sum += score[l] = std::exp(score[l] - largest);
  for (int64_t l = 0; l < L; ++l) score[l] /= sum;
}

/// The whole tensors, keys and values in K's storage; bias may be null.
template <class T, class K>
struct ForwardPass {
  const K *keys, *values;
  const T *queries, *bias;
  T *alpha, *context;
};

// Keys and values are read from far away, but for the first row that looks at them: the next ones find these cells in the nearest
// cache. As many sums, which don't wait for one another, fill the pipelines.
constexpr int kCells = 4;

/// Calls body(l, cells) for every kCells cells of `values` [L, stride]; those past the last are the last one again.
template <class T, class Body>
[[gnu::always_inline]] inline void in_cells(const T* values, int64_t L, int64_t stride, Body&& body) {
  for (int64_t l = 0; l < L; l += kCells) {
    std::array<const T*, kCells> cells;
    unroll<kCells>([&](auto c) { cells[c] = values + std::min<int64_t>(l + c, L - 1) * stride; });
    body(l, cells);
  }
}

/// Head n of `count` rows of picture p. The context is 0 before.
template <class T, class K, class Score>
void forward_rows(const Sizes& s, const Score& score, const ForwardPass<T, K>& pass, int64_t p, int64_t n,
                  const int64_t* rows, int64_t count) {
  constexpr int64_t W = kWidth<T>;
  const auto alpha_of = [&](int64_t i) { return pass.alpha + (rows[i] * s.heads + n) * s.L; };
  in_cells(pass.keys + p * s.L * s.A + n * s.head_A, s.L, s.A, [&](int64_t l, const auto& keys) {
    for (int64_t i = 0; i < count; ++i) {
      const T* query = pass.queries + rows[i] * s.A + n * s.head_A;
      Vector<T> sum[kCells]{};
      in_steps<2 * W>(s.head_A, [&](int64_t a, auto left) {
        unroll<kCells>([&](auto c) { sum[c] += score.forward(keys[c] + a, query + a, a, left); });
      });
      unroll<kCells>([&](auto c) {
        if (l + c < s.L) alpha_of(i)[l + c] = sum_of(sum[c]) + (pass.bias ? pass.bias[rows[i] * s.L + l + c] : 0);
      });
    }
  });
  for (int64_t i = 0; i < count; ++i) softmax_in_place(alpha_of(i), s.L);
  in_cells(pass.values + p * s.L * s.D + n * s.head_D, s.L, s.D, [&](int64_t l, const auto& values) {
    for (int64_t i = 0; i < count; ++i) {
      T weight[kCells];
      unroll<kCells>([&](auto c) { weight[c] = l + c < s.L ? alpha_of(i)[l + c] : 0; });
      T* context = pass.context + rows[i] * s.D + n * s.head_D;
      in_steps<W>(s.head_D, [&](int64_t d, auto left) {
        Vector<T> sum = load_lanes(context + d, left);
        unroll<kCells>([&](auto c) { sum += weight[c] * load_lanes(values[c] + d, left); });
        store_lanes(context + d, sum, left);
      });
    }
  });
}

/// Adds one head's share of this row to the gradients of its picture (grad_keys, grad_values) and of v, and writes its
/// grad_query. grad_alpha enters as the gradient that reached alpha from outside and leaves as that of the scores.
template <class T, class Score>
void backward_row(const Sizes& s, const Score& score, const T* keys, const T* query, const T* values, const T* alpha,
                  const T* grad_context, T* grad_alpha, T* grad_keys, T* grad_query, T* grad_v, T* grad_values) {
  constexpr int64_t W = kWidth<T>;
  T mean = 0;
  for (int64_t l = 0; l < s.L; ++l) {
    const T* value = values + l * s.D;
    T* grad_value = grad_values + l * s.D;
    Vector<T> sum{};
    for (int64_t d = 0; d < s.head_D; d += W) {
      const int64_t left = s.head_D - d;
      const Vector<T> g = load_lanes(grad_context + d, left);
      sum += g * load_lanes(value + d, left);
      store_lanes(grad_value + d, load_lanes(grad_value + d, left) + alpha[l] * g, left);
    }
    grad_alpha[l] += sum_of(sum);
    mean += alpha[l] * grad_alpha[l];
  }
  // Through softmax.
  for (int64_t l = 0; l < s.L; ++l) grad_alpha[l] = alpha[l] * (grad_alpha[l] - mean);
  for (int64_t a = 0; a < s.head_A; a += W) {
    const int64_t left = s.head_A - a;
    const Vector<T> qa = load_lanes(query + a, left);
    Vector<T> grad_qa{}, grad_va{};
    for (int64_t l = 0; l < s.L; ++l) {
      T* grad_key = grad_keys + l * s.A + a;
      Vector<T> g;
      score.backward(grad_alpha[l], load_lanes(keys + l * s.A + a, left), qa, a, left, g, grad_qa, grad_va);
      store_lanes(grad_key, load_lanes(grad_key, left) + g, left);
    }
    store_lanes(grad_query + a, grad_qa, left);
    if (grad_v) store_lanes(grad_v + a, load_lanes(grad_v + a, left) + grad_va, left);
  }
}

/// What the scores need beside keys and queries: -2v, or undefined and a scale.
template <class T, class Body>
void with_score(const Tensor& minus_2v, double scale, Body&& body) {
  if (minus_2v.defined())
    body(AdditiveScore<T>{minus_2v.data_ptr<T>()});
  else
    body(DotScore<T>{static_cast<T>(scale)});
}

/// An undefined tensor as LibTorch's functions want it.
c10::optional<Tensor> maybe(const Tensor& tensor) { return tensor.defined() ? c10::optional<Tensor>(tensor) : c10::nullopt; }

class FusedFunction : public torch::autograd::Function<FusedFunction> {
 public:
  static tensor_list forward(AutogradContext* context, Tensor keys, Tensor queries, c10::optional<Tensor> maybe_v,
                             Tensor values, Tensor pictures, c10::optional<Tensor> maybe_bias, int64_t heads,
                             double scale, c10::optional<Tensor> maybe_exp_keys) {
    if (maybe_v) {
      keys = maybe_exp_keys ? *maybe_exp_keys : doubled_exp(keys);            // [B, L, A]
      queries = doubled_exp(queries);                                         // [R, A]
    }
    keys = keys.contiguous();                                                 // [B, L, A]
    queries = queries.contiguous();                                           // [R, A]
    const Tensor v = maybe_v ? maybe_v->detach() * -2 : Tensor();             // [A]
    values = values.to(keys.scalar_type()).contiguous();                      // [B, L, D]
    const Tensor bias = maybe_bias ? maybe_bias->contiguous() : Tensor();     // [R, L]
    const Sizes s(keys, queries, values, heads);
    Tensor alpha = torch::empty({s.R, heads, s.L}, queries.options());  // [R, n, L]
    Tensor z = torch::zeros({s.R, s.D}, queries.options());             // [R, D]
    const RowsByPicture rows(pictures, s.B);
    const auto groups = rows.groups(8);
    const auto run = [&]<class T, class K>(T, K) {
      const ForwardPass<T, K> pass{keys.data_ptr<K>(),     values.data_ptr<K>(),
                                   queries.data_ptr<T>(),  bias.defined() ? bias.data_ptr<T>() : nullptr,
                                   alpha.data_ptr<T>(),    z.data_ptr<T>()};
      with_score<T>(v, scale, [&](const auto& score) {
        at::parallel_for(0, static_cast<int64_t>(groups.size()) * heads, 1, [&](int64_t begin, int64_t end) {
          for (int64_t i = begin; i < end; ++i) {
            const auto& group = groups[i / heads];
            forward_rows(s, score, pass, group.picture, i % heads, rows.order.data() + group.first, group.count);
          }
        });
      });
    };
    if (keys.scalar_type() == torch::kBFloat16)
      run(float{}, c10::BFloat16{});
    else
      AT_DISPATCH_FLOATING_TYPES(keys.scalar_type(), "fused_attention", [&] { run(scalar_t{}, scalar_t{}); });
    context->save_for_backward({keys, queries, v, values, pictures, alpha});
    context->saved_data["scale"] = scale;
    context->saved_data["bias"] = bias.defined();
    return {alpha, z};
  }

  static tensor_list backward(AutogradContext* context, tensor_list grads) {
    const auto saved = context->get_saved_variables();
    const Tensor &keys = saved[0], &queries = saved[1], &v = saved[2], &values = saved[3], &alpha = saved[5];
    const int64_t heads = alpha.size(1);
    const Sizes s(keys, queries, values, heads);
    const RowsByPicture rows(saved[4], s.B);
    Tensor grad_alpha = grads[0].defined() ? grads[0].clone(at::MemoryFormat::Contiguous)
                                           : torch::zeros_like(alpha);  // [R, n, L]
    const Tensor grad_z = grads[1].defined() ? grads[1].contiguous()
                                             : torch::zeros({s.R, s.D}, keys.options());  // [R, D]
    Tensor grad_keys = torch::zeros_like(keys);        // [B, L, A]
    Tensor grad_queries = torch::zeros_like(queries);  // [R, A]
    Tensor grad_values = torch::zeros_like(values);    // [B, L, D]
    Tensor grad_v;  // [B, A], a row a picture so that threads don't meet
    if (v.defined()) grad_v = torch::zeros({s.B, s.A}, keys.options());
    AT_DISPATCH_FLOATING_TYPES(keys.scalar_type(), "fused_attention_backward", [&] {
      with_score<scalar_t>(v, context->saved_data["scale"].toDouble(), [&](const auto& score) {
        at::parallel_for(0, s.B, 1, [&](int64_t begin, int64_t end) {
          for (int64_t p = begin; p < end; ++p)
            for (int64_t i = rows.start[p] * heads; i < rows.start[p + 1] * heads; ++i) {
              const int64_t r = rows.order[i / heads], n = i % heads, A = n * s.head_A, D = n * s.head_D;
              backward_row(s, score, keys.data_ptr<scalar_t>() + p * s.L * s.A + A,
                           queries.data_ptr<scalar_t>() + r * s.A + A,
                           values.data_ptr<scalar_t>() + p * s.L * s.D + D,
                           alpha.data_ptr<scalar_t>() + (r * heads + n) * s.L, grad_z.data_ptr<scalar_t>() + r * s.D + D,
                           grad_alpha.data_ptr<scalar_t>() + (r * heads + n) * s.L,
                           grad_keys.data_ptr<scalar_t>() + p * s.L * s.A + A,
                           grad_queries.data_ptr<scalar_t>() + r * s.A + A,
                           v.defined() ? grad_v.data_ptr<scalar_t>() + p * s.A : nullptr,
                           grad_values.data_ptr<scalar_t>() + p * s.L * s.D + D);
            }
        });
      });
    });
    const bool biased = context->saved_data["bias"].toBool();
    return {grad_keys, grad_queries, v.defined() ? grad_v.sum(0) : Tensor(), grad_values, Tensor(),
            biased ? grad_alpha.sum(1) : Tensor(), Tensor(), Tensor(), Tensor()};
  }
};

/// [R, L, X] → [R, n, L, X / n]
Tensor by_head(const Tensor& x, int64_t heads) {
  return x.reshape({x.size(0), x.size(1), heads, x.size(2) / heads}).transpose(1, 2);  // [R, n, L, X / n]
}

/// The same in LibTorch's operators, for other devices. scores [R, n, L] → weights and contexts.
FusedGlimpse weigh(Tensor scores, const Tensor& values, const Tensor& bias) {
  if (bias.defined()) scores = scores + bias.unsqueeze(1);                                         // [R, n, L]
  const auto alpha = scores.softmax(-1);                                                           // [R, n, L]
  const auto heads = by_head(values, alpha.size(1));                                               // [R, n, L, D / n]
  return {alpha, alpha.unsqueeze(2).matmul(heads).flatten(1)};                                     // [R, D]
}

}  // namespace

Tensor doubled_exp(const Tensor& x) { return (2 * x.detach()).clamp(-86, 86).exp(); }

FusedGlimpse additive_attention(const Tensor& keys, const Tensor& queries, const Tensor& v, const Tensor& values,
                                const Tensor& pictures, const Tensor& bias, const Tensor& exp_keys) {
  if (keys.device().is_cpu()) {
    const auto out =
        FusedFunction::apply(keys, queries, maybe(v), values, pictures, maybe(bias), 1, 1.0, maybe(exp_keys));
    return {out[0], out[1]};
  }
  const auto score = (keys.index_select(0, pictures) + queries.unsqueeze(1)).tanh().matmul(v);  // [R, L]
  return weigh(score.unsqueeze(1), values.index_select(0, pictures), bias);
}

FusedGlimpse dot_attention(const Tensor& keys, const Tensor& queries, const Tensor& values, const Tensor& pictures,
                           int64_t heads, double scale, const Tensor& bias) {
  if (keys.device().is_cpu()) {
    const auto out = FusedFunction::apply(keys, queries, maybe({}), values, pictures, maybe(bias), heads, scale, maybe({}));
    return {out[0], out[1]};
  }
  const auto query = by_head(queries.unsqueeze(1), heads).transpose(2, 3);                             // [R, n, A / n, 1]
  const auto score = by_head(keys.index_select(0, pictures), heads).matmul(query).squeeze(3) * scale;  // [R, n, L]
  return weigh(score, values.index_select(0, pictures), bias);
}

}  // namespace attend
