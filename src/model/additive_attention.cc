// B pictures · R rows · L grid cells · D annotation size · A attention size
#include "model/additive_attention.h"

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
double load_lanes(const double* from, int64_t) { return *from; }
void store_lanes(double* to, double value, int64_t) { *to = value; }

/// Absolute error below 2e-7: tanh x = 1 - 2 / (e^2x + 1); e^2x = 2^n 2^f with |f| <= 1/2 and 2^f by its Taylor
/// polynomial.
[[gnu::always_inline]] inline Lanes fast_tanh(Lanes x) {
  using Integers = int32_t __attribute__((vector_size(sizeof(Lanes))));
  constexpr float kRound = 12582912;  // 1.5 * 2^23: adding it leaves no bits below one
  x = x < -9 ? splat(-9) : x;
  x = x > 9 ? splat(9) : x;
  const Lanes t = x * 2.885390082f;  // 2 / ln 2
  const Lanes n = (t + kRound) - kRound, f = t - n;
  Lanes p = splat(1.5252734e-5f);
  p = p * f + 1.5403530e-4f;
  p = p * f + 1.3333558e-3f;
  p = p * f + 9.6181291e-3f;
  p = p * f + 5.5504109e-2f;
  p = p * f + 2.4022651e-1f;
  p = p * f + 6.9314718e-1f;
  p = p * f + 1.0f;
  const auto power = reinterpret_cast<Lanes>((__builtin_convertvector(n, Integers) + 127) << 23);  // 2^n
  return 1.0f - 2.0f / (p * power + 1.0f);
}
double fast_tanh(double x) { return std::tanh(x); }

float sum_of(Lanes lanes) {
  float sum = 0;
  for (int64_t i = 0; i < kLanes; ++i) sum += lanes[i];
  return sum;
}
double sum_of(double value) { return value; }

/// Rows sorted by picture: the rows of picture p are order[start[p]] … order[start[p + 1] - 1].
struct RowsByPicture {
  std::vector<int64_t> start, order;

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
  int64_t B, L, A, D, R;
  Sizes(const Tensor& keys, const Tensor& queries, const Tensor& annotations)
      : B(keys.size(0)), L(keys.size(1)), A(keys.size(2)), D(annotations.size(2)), R(queries.size(0)) {}
};

template <class T>
void softmax_in_place(T* score, int64_t L) {
  T largest = score[0], sum = 0;
  for (int64_t l = 1; l < L; ++l) largest = std::max(largest, score[l]);
  for (int64_t l = 0; l < L; ++l) sum += score[l] = std::exp(score[l] - largest);
  for (int64_t l = 0; l < L; ++l) score[l] /= sum;
}

template <class T>
void forward_row(const Sizes& s, const T* keys, const T* query, const T* v, const T* annotations, T* alpha,
                 T* context) {
  constexpr int64_t W = kWidth<T>;
  for (int64_t l = 0; l < s.L; ++l) {
    const T* key = keys + l * s.A;
    Vector<T> sum{};
    for (int64_t a = 0; a < s.A; a += W)
      sum += load_lanes(v + a, s.A - a) * fast_tanh(load_lanes(key + a, s.A - a) + load_lanes(query + a, s.A - a));
    alpha[l] = sum_of(sum);
  }
  softmax_in_place(alpha, s.L);
  for (int64_t d = 0; d < s.D; d += W) {
    Vector<T> sum{};
    for (int64_t l = 0; l < s.L; ++l) sum += alpha[l] * load_lanes(annotations + l * s.D + d, s.D - d);
    store_lanes(context + d, sum, s.D - d);
  }
}

/// Adds this row's share to the gradients of its picture (grad_keys, grad_annotations) and of v, and writes its own
/// grad_query. grad_alpha enters as the gradient that reached alpha from outside and leaves overwritten.
template <class T>
void backward_row(const Sizes& s, const T* keys, const T* query, const T* v, const T* annotations, const T* alpha,
                  const T* grad_context, T* grad_alpha, T* grad_keys, T* grad_query, T* grad_v, T* grad_annotations) {
  constexpr int64_t W = kWidth<T>;
  T mean = 0;
  for (int64_t l = 0; l < s.L; ++l) {
    const T* annotation = annotations + l * s.D;
    T* grad_annotation = grad_annotations + l * s.D;
    Vector<T> sum{};
    for (int64_t d = 0; d < s.D; d += W) {
      const Vector<T> g = load_lanes(grad_context + d, s.D - d);
      sum += g * load_lanes(annotation + d, s.D - d);
      store_lanes(grad_annotation + d, load_lanes(grad_annotation + d, s.D - d) + alpha[l] * g, s.D - d);
    }
    grad_alpha[l] += sum_of(sum);
    mean += alpha[l] * grad_alpha[l];
  }
  // grad_alpha turns into the gradient of the scores, through softmax.
  for (int64_t l = 0; l < s.L; ++l) grad_alpha[l] = alpha[l] * (grad_alpha[l] - mean);
  for (int64_t a = 0; a < s.A; a += W) {
    const int64_t left = s.A - a;
    const Vector<T> va = load_lanes(v + a, left), qa = load_lanes(query + a, left);
    Vector<T> grad_qa{}, grad_va{};
    for (int64_t l = 0; l < s.L; ++l) {
      T* grad_key = grad_keys + l * s.A + a;
      const Vector<T> t = fast_tanh(load_lanes(keys + l * s.A + a, left) + qa);
      const Vector<T> g = grad_alpha[l] * va * (1 - t * t);
      store_lanes(grad_key, load_lanes(grad_key, left) + g, left);
      grad_qa += g;
      grad_va += grad_alpha[l] * t;
    }
    store_lanes(grad_query + a, grad_qa, left);
    store_lanes(grad_v + a, load_lanes(grad_v + a, left) + grad_va, left);
  }
}

class AdditiveFunction : public torch::autograd::Function<AdditiveFunction> {
 public:
  static tensor_list forward(AutogradContext* context, Tensor keys, Tensor queries, Tensor v, Tensor annotations,
                             Tensor pictures) {
    keys = keys.contiguous();                // [B, L, A]
    queries = queries.contiguous();          // [R, A]
    v = v.contiguous();                      // [A]
    annotations = annotations.contiguous();  // [B, L, D]
    const Sizes s(keys, queries, annotations);
    Tensor alpha = torch::empty({s.R, s.L}, keys.options());  // [R, L]
    Tensor z = torch::empty({s.R, s.D}, keys.options());      // [R, D]
    const auto* picture = pictures.data_ptr<int64_t>();
    AT_DISPATCH_FLOATING_TYPES(keys.scalar_type(), "additive_attention", [&] {
      at::parallel_for(0, s.R, 1, [&](int64_t begin, int64_t end) {
        for (int64_t r = begin; r < end; ++r)
          forward_row<scalar_t>(s, keys.data_ptr<scalar_t>() + picture[r] * s.L * s.A,
                                queries.data_ptr<scalar_t>() + r * s.A, v.data_ptr<scalar_t>(),
                                annotations.data_ptr<scalar_t>() + picture[r] * s.L * s.D,
                                alpha.data_ptr<scalar_t>() + r * s.L, z.data_ptr<scalar_t>() + r * s.D);
      });
    });
    context->save_for_backward({keys, queries, v, annotations, pictures, alpha});
    return {alpha, z};
  }

  static tensor_list backward(AutogradContext* context, tensor_list grads) {
    const auto saved = context->get_saved_variables();
    const Tensor &keys = saved[0], &queries = saved[1], &v = saved[2], &annotations = saved[3], &alpha = saved[5];
    const Sizes s(keys, queries, annotations);
    const RowsByPicture rows(saved[4], s.B);
    Tensor grad_alpha = grads[0].defined() ? grads[0].clone(at::MemoryFormat::Contiguous)
                                           : torch::zeros({s.R, s.L}, keys.options());  // [R, L]
    const Tensor grad_z = grads[1].defined() ? grads[1].contiguous()
                                             : torch::zeros({s.R, s.D}, keys.options());  // [R, D]
    Tensor grad_keys = torch::zeros_like(keys);                // [B, L, A]
    Tensor grad_queries = torch::zeros_like(queries);          // [R, A]
    Tensor grad_annotations = torch::zeros_like(annotations);  // [B, L, D]
    Tensor grad_v = torch::zeros({s.B, s.A}, keys.options());  // [B, A], a row a picture so that threads don't meet
    AT_DISPATCH_FLOATING_TYPES(keys.scalar_type(), "additive_attention_backward", [&] {
      at::parallel_for(0, s.B, 1, [&](int64_t begin, int64_t end) {
        for (int64_t p = begin; p < end; ++p)
          for (int64_t i = rows.start[p]; i < rows.start[p + 1]; ++i) {
            const int64_t r = rows.order[i];
            backward_row<scalar_t>(
                s, keys.data_ptr<scalar_t>() + p * s.L * s.A, queries.data_ptr<scalar_t>() + r * s.A,
                v.data_ptr<scalar_t>(), annotations.data_ptr<scalar_t>() + p * s.L * s.D,
                alpha.data_ptr<scalar_t>() + r * s.L, grad_z.data_ptr<scalar_t>() + r * s.D,
                grad_alpha.data_ptr<scalar_t>() + r * s.L, grad_keys.data_ptr<scalar_t>() + p * s.L * s.A,
                grad_queries.data_ptr<scalar_t>() + r * s.A, grad_v.data_ptr<scalar_t>() + p * s.A,
                grad_annotations.data_ptr<scalar_t>() + p * s.L * s.D);
          }
      });
    });
    return {grad_keys, grad_queries, grad_v.sum(0), grad_annotations, Tensor()};
  }
};

}  // namespace

Glimpse additive_attention(const Tensor& keys, const Tensor& queries, const Tensor& v, const Tensor& annotations,
                           const Tensor& pictures) {
  if (keys.device().is_cpu()) {
    const auto out = AdditiveFunction::apply(keys, queries, v, annotations, pictures);
    return {out[0], out[1]};
  }
  const auto rows = pictures.to(keys.device());                                                   // [R]
  const auto score = (keys.index_select(0, rows) + queries.unsqueeze(1)).tanh().matmul(v);        // [R, L]
  const auto alpha = score.softmax(-1);                                                           // [R, L]
  const auto context = alpha.unsqueeze(1).bmm(annotations.index_select(0, rows)).squeeze(1);      // [R, D]
  return {alpha, context};
}

AdditiveAttention::AdditiveAttention(int64_t annotation_size, int64_t hidden_size, int64_t size)
    : key_(register_module("key", torch::nn::Linear(annotation_size, size))),
      query_(register_module("query", torch::nn::Linear(torch::nn::LinearOptions(hidden_size, size).bias(false)))),
      v_(register_parameter("v", torch::empty({size}))) {
  torch::nn::init::uniform_(v_, -1 / std::sqrt(size), 1 / std::sqrt(size));
}

Memory AdditiveAttention::remember(const Tensor& annotations) {
  return {annotations, key_->forward(annotations)};  // keys [B, L, A]
}

Glimpse AdditiveAttention::look(const Memory& memory, const Tensor& hidden, const Tensor& pictures) {
  return additive_attention(memory.keys, query_->forward(hidden), v_, memory.annotations, pictures);
}

}  // namespace attend
