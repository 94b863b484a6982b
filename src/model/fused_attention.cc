// B pictures · R rows · L grid cells · n heads · A and D size of keys and values, of all heads together
#include "model/fused_attention.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <vector>

#include "kernels/choose.h"
#include "model/storage.h"

namespace attend {
namespace {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

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

/// What the kernels are told. keys [B, L, A] · queries [R, A] · minus_2v [A], or undefined and a scale · values [B, L, D] · bias
/// [R, L] or undefined · alpha [R, n, L] · context [R, D], read by no way back, so perhaps undefined there.
kernels::Attention attention_of(const Tensor& keys, const Tensor& queries, const Tensor& minus_2v, double scale,
                                const Tensor& values, const Tensor& bias, const Tensor& alpha, const Tensor& context) {
  const auto pointer = [](const Tensor& tensor) { return tensor.defined() ? tensor.data_ptr() : nullptr; };
  return {keys.size(1),  keys.size(2),    values.size(2),   alpha.size(1),     storage_of(keys),
          pointer(keys), pointer(values), pointer(queries), pointer(minus_2v), scale,
          pointer(bias), pointer(alpha),  pointer(context)};
}

/// An undefined tensor as LibTorch's functions want it.
c10::optional<Tensor> maybe(const Tensor& tensor) {
  return tensor.defined() ? c10::optional<Tensor>(tensor) : c10::nullopt;
}

class FusedFunction : public torch::autograd::Function<FusedFunction> {
 public:
  static tensor_list forward(AutogradContext* context, Tensor keys, Tensor queries, c10::optional<Tensor> maybe_v,
                             Tensor values, Tensor pictures, c10::optional<Tensor> maybe_bias, int64_t heads,
                             double scale, c10::optional<Tensor> maybe_exp_keys) {
    if (maybe_v) {
      keys = maybe_exp_keys ? *maybe_exp_keys : doubled_exp(keys);  // [B, L, A]
      queries = doubled_exp(queries);                               // [R, A]
    }
    keys = keys.contiguous();                                              // [B, L, A]
    queries = queries.contiguous();                                        // [R, A]
    const Tensor v = maybe_v ? maybe_v->detach() * -2 : Tensor();          // [A]
    values = values.to(keys.scalar_type()).contiguous();                   // [B, L, D]
    const Tensor bias = maybe_bias ? maybe_bias->contiguous() : Tensor();  // [R, L]
    const int64_t R = queries.size(0);
    Tensor alpha = torch::empty({R, heads, keys.size(1)}, queries.options());  // [R, n, L]
    Tensor z = torch::zeros({R, values.size(2)}, queries.options());           // [R, D]
    const RowsByPicture rows(pictures, keys.size(0));
    const auto groups = rows.groups(8);
    const auto pass = attention_of(keys, queries, v, scale, values, bias, alpha, z);
    at::parallel_for(0, static_cast<int64_t>(groups.size()) * heads, 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const auto& group = groups[i / heads];
        kernels::chosen().attend(pass, group.picture, i % heads, rows.order.data() + group.first, group.count);
      }
    });
    context->save_for_backward({keys, queries, v, values, pictures, alpha});
    context->saved_data["scale"] = scale;
    context->saved_data["bias"] = bias.defined();
    return {alpha, z};
  }

  static tensor_list backward(AutogradContext* context, tensor_list grads) {
    const auto saved = context->get_saved_variables();
    const Tensor &keys = saved[0], &queries = saved[1], &v = saved[2], &values = saved[3], &alpha = saved[5];
    const int64_t heads = alpha.size(1);
    const int64_t B = keys.size(0);
    const RowsByPicture rows(saved[4], B);
    Tensor grad_alpha =
        grads[0].defined() ? grads[0].clone(at::MemoryFormat::Contiguous) : torch::zeros_like(alpha);  // [R, n, L]
    const Tensor grad_z = grads[1].defined()
                              ? grads[1].contiguous()
                              : torch::zeros({queries.size(0), values.size(2)}, keys.options());  // [R, D]
    Tensor grad_keys = torch::zeros_like(keys);                                                   // [B, L, A]
    Tensor grad_queries = torch::zeros_like(queries);                                             // [R, A]
    Tensor grad_values = torch::zeros_like(values);                                               // [B, L, D]
    Tensor grad_v;  // [B, A], a row a picture so that threads don't meet
    if (v.defined()) grad_v = torch::zeros({B, keys.size(2)}, keys.options());
    const kernels::AttentionBackward pass{
        attention_of(keys, queries, v, context->saved_data["scale"].toDouble(), values, {}, alpha, {}),
        grad_z.data_ptr(),
        grad_alpha.data_ptr(),
        grad_keys.data_ptr(),
        grad_values.data_ptr(),
        v.defined() ? grad_v.data_ptr() : nullptr,
        grad_queries.data_ptr()};
    at::parallel_for(0, B, 1, [&](int64_t begin, int64_t end) {
      for (int64_t p = begin; p < end; ++p)
        for (int64_t i = rows.start[p] * heads; i < rows.start[p + 1] * heads; ++i)
          kernels::chosen().attend_backward(pass, p, i % heads, rows.order[i / heads]);
    });
    const bool biased = context->saved_data["bias"].toBool();
    return {grad_keys,   grad_queries, v.defined() ? grad_v.sum(0) : Tensor(),
            grad_values, Tensor(),     biased ? grad_alpha.sum(1) : Tensor(),
            Tensor(),    Tensor(),     Tensor()};
  }
};

/// [R, L, X] → [R, n, L, X / n]
Tensor by_head(const Tensor& x, int64_t heads) {
  return x.reshape({x.size(0), x.size(1), heads, x.size(2) / heads}).transpose(1, 2);  // [R, n, L, X / n]
}

/// The same in LibTorch's operators, for other devices. scores [R, n, L] → weights and contexts.
FusedGlimpse weigh(Tensor scores, const Tensor& values, const Tensor& bias) {
  if (bias.defined()) scores = scores + bias.unsqueeze(1);      // [R, n, L]
  const auto alpha = scores.softmax(-1);                        // [R, n, L]
  const auto heads = by_head(values, alpha.size(1));            // [R, n, L, D / n]
  return {alpha, alpha.unsqueeze(2).matmul(heads).flatten(1)};  // [R, D]
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
    const auto out =
        FusedFunction::apply(keys, queries, maybe({}), values, pictures, maybe(bias), heads, scale, maybe({}));
    return {out[0], out[1]};
  }
  const auto query = by_head(queries.unsqueeze(1), heads).transpose(2, 3);  // [R, n, A / n, 1]
  const auto score = by_head(keys.index_select(0, pictures), heads).matmul(query).squeeze(3) * scale;  // [R, n, L]
  return weigh(score, values.index_select(0, pictures), bias);
}

}  // namespace attend
