// B pictures · R rows · L grid cells · D annotation size · A attention size
#include "model/additive_attention.h"

#include <cmath>
#include <cstring>
#include <vector>

namespace attend {
namespace {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

/// tanh in straight-line arithmetic, so that a loop over it becomes vector instructions; absolute error below 2e-7.
/// tanh x = 1 - 2 / (e^2x + 1); e^2x = 2^n 2^f with |f| <= 1/2 and 2^f by its Taylor polynomial.
inline float fast_tanh(float x) {
  x = x < -9.0f ? -9.0f : x;
  x = x > 9.0f ? 9.0f : x;
  const float t = x * 2.885390082f;  // 2 / ln 2
  const float n = std::nearbyintf(t);
  const float f = t - n;
  float p = 1.5252734e-5f;
  p = p * f + 1.5403530e-4f;
  p = p * f + 1.3333558e-3f;
  p = p * f + 9.6181291e-3f;
  p = p * f + 5.5504109e-2f;
  p = p * f + 2.4022651e-1f;
  p = p * f + 6.9314718e-1f;
  p = p * f + 1.0f;
  const int32_t exponent = (static_cast<int32_t>(n) + 127) << 23;
  float scale;
  std::memcpy(&scale, &exponent, sizeof scale);
  return 1.0f - 2.0f / (p * scale + 1.0f);
}
inline double fast_tanh(double x) { return std::tanh(x); }

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
  for (int64_t l = 0; l < s.L; ++l) {
    const T* key = keys + l * s.A;
    T sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t a = 0; a < s.A; ++a) sum += v[a] * fast_tanh(key[a] + query[a]);
    alpha[l] = sum;
  }
  softmax_in_place(alpha, s.L);
  std::fill(context, context + s.D, T(0));
  for (int64_t l = 0; l < s.L; ++l) {
    const T weight = alpha[l];
    const T* annotation = annotations + l * s.D;
#pragma omp simd
    for (int64_t d = 0; d < s.D; ++d) context[d] += weight * annotation[d];
  }
}

/// Adds this row's share to the gradients of its picture (grad_keys, grad_annotations) and of v, and writes its own
/// grad_query. grad_alpha enters as the gradient that reached alpha from outside and leaves overwritten.
template <class T>
void backward_row(const Sizes& s, const T* keys, const T* query, const T* v, const T* annotations, const T* alpha,
                  const T* grad_context, T* grad_alpha, T* grad_keys, T* grad_query, T* grad_v, T* grad_annotations) {
  T mean = 0;
  for (int64_t l = 0; l < s.L; ++l) {
    const T* annotation = annotations + l * s.D;
    T* grad_annotation = grad_annotations + l * s.D;
    const T weight = alpha[l];
    T sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t d = 0; d < s.D; ++d) {
      sum += grad_context[d] * annotation[d];
      grad_annotation[d] += weight * grad_context[d];
    }
    grad_alpha[l] += sum;
    mean += weight * grad_alpha[l];
  }
  for (int64_t l = 0; l < s.L; ++l) {
    const T grad_score = alpha[l] * (grad_alpha[l] - mean);
    const T* key = keys + l * s.A;
    T* grad_key = grad_keys + l * s.A;
#pragma omp simd
    for (int64_t a = 0; a < s.A; ++a) {
      const T t = fast_tanh(key[a] + query[a]);
      const T g = grad_score * v[a] * (T(1) - t * t);
      grad_key[a] += g;
      grad_query[a] += g;
      grad_v[a] += grad_score * t;
    }
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
