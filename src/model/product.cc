#include "model/product.h"

#include <ATen/Parallel.h>

#include <dnnl.hpp>
#include <map>
#include <mutex>
#include <tuple>
#include <unordered_map>

#include "kernels/choose.h"
#include "model/int8_product.h"

namespace attend {
namespace {

using dnnl::memory;

const dnnl::engine& engine() {
  static const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

memory::data_type dnnl_type(torch::ScalarType type) {
  TORCH_CHECK(type == torch::kFloat || type == torch::kBFloat16, "product: storage must be fp32 or bf16");
  return type == torch::kFloat ? memory::data_type::f32 : memory::data_type::bf16;
}

memory wrap(const memory::desc& description, const torch::Tensor& tensor) {
  return memory(description, engine(), tensor.data_ptr());
}

memory::desc row_major(int64_t rows, int64_t columns, torch::ScalarType type,
                       memory::format_tag order = memory::format_tag::ab) {
  return memory::desc({rows, columns}, dnnl_type(type), order);
}

/// All that a product's code depends on.
struct Shape {
  int64_t M, I, O;
  torch::ScalarType type, out_type;
  bool biased;
  Activation activation;
  bool residual;

  auto key() const { return std::tuple(M, I, O, type, out_type, biased, activation, residual, at::get_num_threads()); }
  bool operator<(const Shape& other) const { return key() < other.key(); }
};

dnnl::matmul::primitive_desc describe(const Shape& s, const memory::desc& weights) {
  dnnl::post_ops after;
#if DNNL_VERSION_MAJOR >= 3
  if (s.activation == Activation::kRelu6) after.append_eltwise(dnnl::algorithm::eltwise_clip, 0, 6);
#else
  if (s.activation == Activation::kRelu6) after.append_eltwise(1, dnnl::algorithm::eltwise_clip, 0, 6);
#endif
  const auto x = row_major(s.M, s.I, s.type), out = row_major(s.M, s.O, s.out_type);
  if (s.residual) after.append_binary(dnnl::algorithm::binary_add, out);
  dnnl::primitive_attr attributes;
  attributes.set_post_ops(after);
  const auto bias = row_major(1, s.O, torch::kFloat);
#if DNNL_VERSION_MAJOR >= 3
  if (s.biased) return {engine(), x, weights, bias, out, attributes};
  return {engine(), x, weights, out, attributes};
#else
  if (s.biased) return {{x, weights, bias, out}, attributes, engine()};
  return {{x, weights, out}, attributes, engine()};
#endif
}

/// The order oneDNN likes a matrix best in that many rows are multiplied with; the same for all threads, whatever it would
/// like best for each.
memory::desc packed_order(int64_t I, int64_t O, torch::ScalarType type) {
  static std::mutex mutex;
  static std::map<std::tuple<int64_t, int64_t, torch::ScalarType>, memory::desc> known;
  const std::lock_guard lock(mutex);
  auto& order = known[{I, O, type}];
  if (order.get_size() == 0) {
    const Shape many{256, I, O, type, type, true, Activation::kNone, false};
    order = describe(many, row_major(I, O, type, memory::format_tag::any)).weights_desc();
  }
  return order;
}

struct Product {
  dnnl::matmul matmul;
  memory::desc x, weights, bias, out;
};

const Product& product_of(const Shape& shape) {
  static thread_local std::map<Shape, Product> known;
  const auto found = known.find(shape);
  if (found != known.end()) return found->second;
  const auto description = describe(shape, packed_order(shape.I, shape.O, shape.type));
  return known
      .emplace(shape, Product{dnnl::matmul(description), description.src_desc(), description.weights_desc(),
                              row_major(1, shape.O, torch::kFloat), description.dst_desc()})
      .first->second;
}

}  // namespace

torch::Tensor pack_matrix(const torch::Tensor& matrix, torch::ScalarType type) {
  if (type == torch::kChar) return pack_int8_matrix(matrix);
  const int64_t O = matrix.size(0), I = matrix.size(1);
  const auto plain = matrix.to(type).contiguous();  // [O, I]
  const auto order = packed_order(I, O, type);
  auto packed = torch::zeros({static_cast<int64_t>(order.get_size()) / plain.element_size()}, type);  // flat
  auto from = wrap(row_major(I, O, type, memory::format_tag::ba), plain), to = wrap(order, packed);
  dnnl::stream stream(engine());
  dnnl::reorder(from, to).execute(stream, from, to);
  stream.wait();
  return packed;
}

void multiply(const torch::Tensor& x, const torch::Tensor& packed, const torch::Tensor& bias, Activation activation,
              const torch::Tensor& residual, torch::Tensor out) {
  if (out.numel() == 0) return;
  const Shape shape{x.size(0),         x.size(1),      out.size(1), x.scalar_type(),
                    out.scalar_type(), bias.defined(), activation,  residual.defined()};
  const auto& product = product_of(shape);
  std::unordered_map<int, memory> arguments{{DNNL_ARG_SRC, wrap(product.x, x)},
                                            {DNNL_ARG_WEIGHTS, wrap(product.weights, packed)},
                                            {DNNL_ARG_DST, wrap(product.out, out)}};
  if (bias.defined()) arguments.emplace(DNNL_ARG_BIAS, wrap(product.bias, bias));
  if (residual.defined()) {
    const int before = activation == Activation::kNone ? 0 : 1;
    arguments.emplace(DNNL_ARG_ATTR_MULTIPLE_POST_OP(before) | DNNL_ARG_SRC_1, wrap(product.out, residual));
  }
  dnnl::stream stream(engine());
  product.matmul.execute(stream, arguments);
  stream.wait();
}

namespace {
/// One for all weights: it is held for long only while they are first made. What is made may ask for others.
std::recursive_mutex& preparing() {
  static std::recursive_mutex mutex;
  return mutex;
}
}  // namespace

torch::Tensor PreparedWeight::get(const torch::Tensor& weight, torch::ScalarType type, const Make& make) {
  const std::lock_guard lock(preparing());
  const auto version = static_cast<int64_t>(weight._version());
  if (!made_.defined() || version_ != version || from_ != weight.data_ptr() || made_.scalar_type() != type) {
    const torch::NoGradGuard no_grad;
    made_ = make(weight.detach(), type);
    from_ = weight.data_ptr();
    version_ = version;
  }
  return made_;
}

void PreparedWeight::forget() {
  const std::lock_guard lock(preparing());
  made_ = torch::Tensor();
}

bool multiplies_bf16() {
  // What the processor has and ONEDNN_MAX_CPU_ISA allows. Instruction sets are sets of bits, each with those it builds on.
  constexpr auto kNeeded = static_cast<unsigned>(dnnl::cpu_isa::avx512_core_bf16);
  static const bool has = (static_cast<unsigned>(dnnl::get_effective_cpu_isa()) & kNeeded) == kNeeded;
  return has && kernels::chosen().multiplies_bf16;
}

}  // namespace attend
