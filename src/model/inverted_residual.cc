#include "model/inverted_residual.h"

#include <algorithm>

#include "model/depthwise.h"
#include "model/int8_product.h"
#include "model/pointwise.h"
#include "model/product.h"

namespace attend {
namespace {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// A block is computed a few pictures at a time, or a band of rows, so that the widened channels never leave the cache.
constexpr int64_t kCacheBytes = 1 << 20;

Tensor rows(const Tensor& x) { return x.view({-1, x.size(-1)}); }

Tensor pack_depthwise(const Tensor& weight, torch::ScalarType) {
  return weight.squeeze(1).permute({1, 2, 0}).contiguous();  // [k, k, E]
}

/// Tensors and sizes of one block at work.
struct Block {
  // The 1x1 convolutions are packed on the way forward, [E, I] and [O, E] on the way back.
  Tensor expand, expand_bias, depthwise, depthwise_bias, project, project_bias;
  DepthwiseGeometry geometry;
  bool residual;
  torch::ScalarType type;  // of what comes out
  bool int8 = false;       // widened channels are u8 in ReLU6's steps

  int64_t widened() const { return depthwise_bias.size(0); }
  int64_t row_bytes(const Tensor& x) const { return x.size(2) * widened() * (int8 ? 1 : x.element_size()); }
  int64_t pictures_at_once(const Tensor& x) const {
    return std::clamp<int64_t>(kCacheBytes / (x.size(1) * row_bytes(x)), 1, x.size(0));
  }
  /// Rows of the output, all of them unless one picture is too large.
  int64_t rows_at_once(const Tensor& x) const {
    const int64_t fitting = kCacheBytes / row_bytes(x);
    if (fitting >= x.size(1)) return geometry.height;
    const int64_t most = std::max<int64_t>((fitting - geometry.kernel) / geometry.stride + 1, 1);
    const int64_t bands = (geometry.height + most - 1) / most;
    return (geometry.height + bands - 1) / bands;
  }
  /// The first of the input's rows that the output's rows [first, last) need, and the one after their last.
  std::array<int64_t, 2> rows_for(int64_t first, int64_t last, int64_t height) const {
    const int64_t begin = first * geometry.stride - geometry.top;
    const int64_t end = (last - 1) * geometry.stride - geometry.top + geometry.kernel;
    return {std::max<int64_t>(begin, 0), std::min(end, height)};
  }

  /// wide [M, E] = ReLU6(x · expand + bias) for x [M, I], which where `int8` are `steps`.
  void widen(const Tensor& x, const Int8Rows& steps, const Tensor& wide) const {
    if (int8) return multiply_int8(steps, expand, expand_bias, Activation::kRelu6, {}, wide);
    multiply(x, expand, expand_bias, Activation::kRelu6, {}, wide);
  }
  /// y [M, O] = d · project + bias + x for d [M, E]; x [M, O] or undefined.
  void narrow(const Tensor& d, const Tensor& x, const Tensor& y) const {
    if (int8) return multiply_int8({d, {}}, project, project_bias, Activation::kNone, x, y);
    multiply(d, project, project_bias, Activation::kNone, x, y);
  }
};

Block make_block(const InvertedResidual& convolutions, const Tensor& x, torch::ScalarType type, bool int8) {
  const auto& depthwise = *convolutions.depthwise;
  const auto [before, height] = same_padding(x.size(1), depthwise.kernel(), depthwise.stride);
  const auto [left, width] = same_padding(x.size(2), depthwise.kernel(), depthwise.stride);
  Block block;
  block.type = type;
  block.int8 = int8;
  if (int8) type = torch::kChar;  // of the packed weights
  if (convolutions.expand) {
    block.expand = pack(*convolutions.expand, type, pointwise_matrix);
    block.expand_bias = convolutions.expand->bias.detach();  // [E]
  }
  block.depthwise = depthwise.packed(torch::kFloat, pack_depthwise);  // [k, k, E]
  block.depthwise_bias = depthwise.bias.detach();                     // [E]
  block.project = pack(*convolutions.project, type, pointwise_matrix);
  block.project_bias = convolutions.project->bias.detach();  // [O]
  block.geometry = {depthwise.kernel(), depthwise.stride, before, left, height, width};
  block.residual = convolutions.residual;
  return block;
}

/// y [N, h, w, O]. `widened` [N, H, W, E] and `filtered` [N, h, w, E] are kept for the backward pass where defined
/// (`widened` is x itself where the block doesn't widen).
Tensor run(const Block& block, const Tensor& x, Tensor* widened, Tensor* filtered) {
  const auto& g = block.geometry;
  const int64_t pictures = x.size(0), at_once = block.pictures_at_once(x), channels = block.widened();
  auto y = torch::empty({pictures, g.height, g.width, block.project_bias.size(0)},
                        x.options().dtype(block.type));  // [N, h, w, O]
  const int64_t band = widened ? g.height : block.rows_at_once(x), kept = widened ? pictures : at_once;
  const int64_t wide_rows = std::min((band - 1) * g.stride + g.kernel, x.size(1));
  const auto options = block.int8 ? x.options().dtype(torch::kByte) : x.options();
  Tensor e, d;
  if (block.expand.defined()) e = torch::empty({kept, wide_rows, x.size(2), channels}, options);  // [., ., W, E]
  d = torch::empty({kept, band, g.width, channels}, options);                                     // [., ., w, E]
  for (int64_t first = 0; first < pictures; first += at_once) {
    const int64_t count = std::min(at_once, pictures - first), place = widened ? first : 0;
    const auto part = x.narrow(0, first, count);  // [n, H, W, I]
    const auto steps =
        block.int8 && block.expand.defined() ? quantize_rows(rows(part), x.size(1) * x.size(2)) : Int8Rows{};
    for (int64_t row = 0; row < g.height; row += band) {
      const int64_t end = std::min(row + band, g.height);
      const auto [from, to] = block.rows_for(row, end, x.size(1));
      auto wide = part.narrow(1, from, to - from);  // [n, ., W, I]
      if (block.expand.defined()) {
        const auto in = rows(wide);                                // [n·.·W, I]
        wide = e.narrow(0, place, count).narrow(1, 0, to - from);  // [n, ., W, E]
        // Where there are bands, there is one picture.
        block.widen(in, block.int8 ? steps.narrow(from * x.size(2), in.size(0)) : steps, rows(wide));
      }
      auto geometry = g;
      geometry.top = from - (row * g.stride - g.top);
      geometry.height = end - row;
      auto filtered_part = d.narrow(0, place, count).narrow(1, 0, geometry.height);  // [n, ., w, E]
      depthwise_relu6(geometry, wide, block.depthwise, block.depthwise_bias, filtered_part);
      block.narrow(rows(filtered_part), block.residual ? rows(part.narrow(1, row, geometry.height)) : Tensor(),
                   rows(y.narrow(0, first, count).narrow(1, row, geometry.height)));
    }
  }
  if (widened) {
    *widened = block.expand.defined() ? e : x;
    *filtered = d;
  }
  return y;
}

/// Gradients of one block; a sum over pictures each, but for `input` [N, H, W, I]. Undefined where not wanted.
struct BlockGradients {
  Tensor input, expand, expand_bias, depthwise, depthwise_bias, project, project_bias;
};

BlockGradients run_backward(const Block& block, const Tensor& x, const Tensor& widened, const Tensor& filtered,
                            const Tensor& gy, bool input_wanted, bool weights_wanted) {
  const int64_t pictures = x.size(0), at_once = block.pictures_at_once(x);
  const auto zeros = [](const Tensor& like) { return torch::zeros(like.sizes(), torch::kFloat); };
  BlockGradients total;
  const bool widens = block.expand.defined();
  if (weights_wanted) {
    total.project = zeros(block.project);
    total.project_bias = zeros(block.project_bias);
    total.depthwise = zeros(block.depthwise);
    total.depthwise_bias = zeros(block.depthwise_bias);
    if (widens) {
      total.expand = zeros(block.expand);
      total.expand_bias = zeros(block.expand_bias);
    }
  }
  if (input_wanted) total.input = torch::empty_like(x);                 // [N, H, W, I]
  auto g_filtered = torch::empty_like(filtered.narrow(0, 0, at_once));  // [., h, w, E]
  auto g_widened = torch::empty_like(widened.narrow(0, 0, at_once));    // [., H, W, E]
  for (int64_t first = 0; first < pictures; first += at_once) {
    const int64_t count = std::min(at_once, pictures - first);
    const auto g_out = rows(gy.narrow(0, first, count));   // [n·h·w, O]
    const auto narrow = filtered.narrow(0, first, count);  // [n, h, w, E]
    const auto wide = widened.narrow(0, first, count);     // [n, H, W, E]
    const auto part = rows(x.narrow(0, first, count));     // [n·H·W, I]
    if (weights_wanted) {
      bias_backward(g_out, {}, {}, total.project_bias);
      total.project.add_(at::mm(g_out.t(), rows(narrow)));  // [O, E]
    }
    auto g_narrow = g_filtered.narrow(0, 0, count);  // [n, h, w, E]
    auto g_narrow_rows = rows(g_narrow);
    at::mm_out(g_narrow_rows, g_out, block.project);

    DepthwiseGradients gradients{total.depthwise, total.depthwise_bias, {}, {}};
    if (widens || input_wanted) gradients.input = g_widened.narrow(0, 0, count);  // [n, H, W, E]
    if (widens) gradients.input_bias = total.expand_bias;
    depthwise_relu6_backward(block.geometry, wide, narrow, g_narrow, block.depthwise, gradients);

    if (widens) {
      const auto g_wide = rows(gradients.input);                        // [n·H·W, E]
      if (weights_wanted) total.expand.add_(at::mm(g_wide.t(), part));  // [E, I]
      if (input_wanted) {
        auto g_part = rows(total.input.narrow(0, first, count));  // [n·H·W, I]
        at::mm_out(g_part, g_wide, block.expand);
      }
    } else if (input_wanted) {
      total.input.narrow(0, first, count).copy_(gradients.input);
    }
  }
  if (input_wanted && block.residual) total.input.add_(gy);
  return total;
}

/// The block as one step of a graph. The weights' gradients are fp32, like the weights.
struct InvertedResidualFunction : torch::autograd::Function<InvertedResidualFunction> {
  using Weight = c10::optional<Tensor>;

  // The last six are inputs for the graph's sake: what the way forward needs of them is in `block`.
  static Tensor forward(AutogradContext* context, const Tensor& x, const Block& block, const Weight& expand,
                        const Weight&, const Tensor&, const Tensor&, const Tensor& project, const Tensor&) {
    const auto type = x.scalar_type();
    Tensor widened, filtered;
    auto y = run(block, x, &widened, &filtered);
    context->save_for_backward({x, expand ? widened : Tensor(), filtered,
                                expand ? pointwise_matrix(*expand, type) : Tensor(), block.expand_bias, block.depthwise,
                                block.depthwise_bias, pointwise_matrix(project, type), block.project_bias});
    const auto& g = block.geometry;
    context->saved_data["geometry"] = std::vector<int64_t>{g.kernel, g.stride, g.top, g.left, g.height, g.width};
    context->saved_data["residual"] = block.residual;
    context->saved_data["input_wanted"] = x.requires_grad();
    context->saved_data["weights_wanted"] = project.requires_grad();
    return y;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const auto g = context->saved_data["geometry"].toIntVector();
    const auto& x = saved[0];
    Block block{saved[3],
                saved[4],
                saved[5],
                saved[6],
                saved[7],
                saved[8],
                {g[0], g[1], g[2], g[3], g[4], g[5]},
                context->saved_data["residual"].toBool(),
                x.scalar_type()};
    auto total =
        run_backward(block, x, block.expand.defined() ? saved[1] : x, saved[2], gradients[0].contiguous(),
                     context->saved_data["input_wanted"].toBool(), context->saved_data["weights_wanted"].toBool());
    const auto pointwise = [](const Tensor& m) { return m.defined() ? m.view({m.size(0), m.size(1), 1, 1}) : m; };
    const auto kernels = [](const Tensor& k) {
      return k.defined() ? k.permute({2, 0, 1}).unsqueeze(1).contiguous() : k;  // [E, 1, k, k]
    };
    return {total.input,
            Tensor(),
            pointwise(total.expand),
            total.expand_bias,
            kernels(total.depthwise),
            total.depthwise_bias,
            pointwise(total.project),
            total.project_bias};
  }
};

/// y = ReLU6(x · weight + bias).
Tensor run_pointwise(const Tensor& x, const Tensor& packed, const Tensor& bias, torch::ScalarType out_type) {
  auto sizes = x.sizes().vec();
  sizes.back() = bias.size(0);
  auto y = torch::empty(sizes, x.options().dtype(out_type));  // [N, h, w, O]
  multiply(rows(x), packed, bias, Activation::kRelu6, {}, rows(y));
  return y;
}

struct PointwiseRelu6Function : torch::autograd::Function<PointwiseRelu6Function> {
  static Tensor forward(AutogradContext* context, const Tensor& x, const Tensor& matrix, torch::ScalarType out_type,
                        const Tensor& weight, const Tensor& bias) {
    auto y = run_pointwise(x, pack_matrix(matrix, x.scalar_type()), bias.detach(), out_type);
    context->save_for_backward({x, matrix, y});
    context->saved_data["weight_shape"] = weight.sizes().vec();
    context->saved_data["input_wanted"] = x.requires_grad();
    context->saved_data["weight_wanted"] = weight.requires_grad();
    return y;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const auto &x = saved[0], &matrix = saved[1], &y = saved[2];
    const auto gy = gradients[0].contiguous();
    auto bias = torch::zeros({matrix.size(0)});                             // [O]
    auto g = torch::empty({rows(y).size(0), matrix.size(0)}, x.options());  // [M, O]
    bias_backward(rows(gy), rows(y), g, bias);
    Tensor input, weight;
    if (context->saved_data["input_wanted"].toBool()) input = at::mm(g, matrix).view_as(x);  // [N, h, w, I]
    if (context->saved_data["weight_wanted"].toBool())
      weight = unpack_matrix(at::mm(g.t(), rows(x)).to(torch::kFloat),
                             context->saved_data["weight_shape"].toIntVector());  // [O, I, k, k]
    return {input, Tensor(), Tensor(), weight, bias};
  }

  /// Columns are kernel row, kernel column, input, then padding.
  static Tensor unpack_matrix(const Tensor& matrix, const std::vector<int64_t>& shape) {
    return matrix.narrow(1, 0, shape[1] * shape[2] * shape[3])
        .view({shape[0], shape[2], shape[3], shape[1]})
        .permute({0, 3, 1, 2})
        .contiguous();  // [O, I, k, k]
  }
};

bool in_graph(const Tensor& x, const Convolution& convolution) {
  return torch::GradMode::is_enabled() && (x.requires_grad() || convolution.weight.requires_grad());
}

}  // namespace

std::array<int64_t, 2> same_padding(int64_t side, int64_t kernel, int64_t stride) {
  const int64_t out = (side + stride - 1) / stride;
  return {std::max<int64_t>((out - 1) * stride + kernel - side, 0) / 2, out};
}

Tensor pointwise_matrix(const Tensor& weight, torch::ScalarType type) {
  return weight.detach().view({weight.size(0), weight.size(1)}).to(type);  // [O, I]
}

Tensor pack(const Convolution& convolution, torch::ScalarType type, AsMatrix as_matrix) {
  return convolution.packed(type, [&](const Tensor& weight, torch::ScalarType) {
    return pack_matrix(as_matrix(weight, torch::kFloat), type);
  });
}

Tensor same_convolution(const Tensor& x, const Convolution& convolution) {
  const int64_t kernel = convolution.kernel(), stride = convolution.stride;
  const auto [top, height] = same_padding(x.size(1), kernel, stride);
  const auto [left, width] = same_padding(x.size(2), kernel, stride);
  const int64_t bottom = std::max<int64_t>((height - 1) * stride + kernel - x.size(1), 0) - top;
  const int64_t right = std::max<int64_t>((width - 1) * stride + kernel - x.size(2), 0) - left;
  auto in = x.permute({0, 3, 1, 2});  // [N, I, H, W], channels-last order
  std::vector<int64_t> padding{top, left};
  if (top != bottom || left != right) {
    in = torch::constant_pad_nd(in, {left, right, top, bottom})
             .contiguous(torch::MemoryFormat::ChannelsLast);  // [N, I, ., .]
    padding = {0, 0};
  }
  const std::vector<int64_t> strides{stride, stride}, dilation{1, 1};
  const auto type = x.scalar_type();
  return torch::conv2d(in, convolution.channels_last(type), convolution.bias.to(type), strides, padding, dilation,
                       convolution.groups)
      .permute({0, 2, 3, 1});  // [N, h, w, O]
}

Tensor pointwise_relu6(const Tensor& x, const Convolution& convolution, torch::ScalarType out_type,
                       AsMatrix as_matrix) {
  const auto type = x.scalar_type();
  if (in_graph(x, convolution))
    return PointwiseRelu6Function::apply(x, as_matrix(convolution.weight.detach(), type), out_type, convolution.weight,
                                         convolution.bias);
  return run_pointwise(x, pack(convolution, type, as_matrix), convolution.bias.detach(), out_type);
}

Tensor InvertedResidual::forward(const Tensor& x, torch::ScalarType type, bool int8) const {
  if (!x.device().is_cpu()) {
    auto y = expand ? torch::relu6(same_convolution(x, *expand)) : x;  // [N, H, W, E]
    y = torch::relu6(same_convolution(y, *depthwise));                 // [N, h, w, E]
    y = same_convolution(y, *project);                                 // [N, h, w, O]
    return residual ? x + y : y;
  }
  const bool trained = in_graph(x, *project);
  const auto block = make_block(*this, x, type, int8 && (expand || x.scalar_type() == torch::kByte) && !trained);
  if (!trained) return run(block, x, nullptr, nullptr);
  c10::optional<Tensor> weight, bias;
  if (expand) {
    weight = expand->weight;
    bias = expand->bias;
  }
  return InvertedResidualFunction::apply(x, block, weight, bias, depthwise->weight, depthwise->bias, project->weight,
                                         project->bias);
}

}  // namespace attend
