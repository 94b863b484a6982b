// EfficientNet-Lite 0-4: EfficientNet (Tan and Le 2019) without squeeze-and-excitation, ReLU6 for swish, stem and head
// of one width in all sizes. Names and sizes as in the weights of the package efficientnet_lite_pytorch.
//
// B pictures in a batch · S input side · h x w grid · C channels
#include <algorithm>
#include <cmath>
#include <string>

#include "model/families.h"
#include "model/folded_encoder.h"
#include "model/inverted_residual.h"
#include "model/pointwise.h"

namespace attend {
namespace {

constexpr double kLiteEpsilon = 1e-3;  // of batch norm
constexpr int64_t kStemChannels = 32, kHeadChannels = 1280;
constexpr int64_t kPatch = 27;  // 3 x 3 colours

/// Table 1 of the paper, for width and depth 1.
struct Group {
  int repeats;
  int64_t kernel, stride, expansion, outputs;
};
constexpr Group kGroups[] = {{1, 3, 1, 1, 16},  {2, 3, 2, 6, 24},  {2, 5, 2, 6, 40}, {3, 3, 2, 6, 80},
                             {3, 5, 1, 6, 112}, {4, 5, 2, 6, 192}, {1, 3, 1, 6, 320}};

struct Scale {
  double width, depth;
};
constexpr Scale kScales[] = {{1.0, 1.0}, {1.0, 1.1}, {1.1, 1.2}, {1.2, 1.4}, {1.4, 1.8}};

/// Channels at a width: the nearest multiple of 8, but no more than a tenth lower.
int64_t scaled_channels(int64_t channels, double width) {
  const double scaled = static_cast<double>(channels) * width;
  const auto rounded = std::max<int64_t>(8, static_cast<int64_t>(scaled + 4) / 8 * 8);
  return static_cast<double>(rounded) < 0.9 * scaled ? rounded + 8 : rounded;
}

/// The stem's weight as a matrix for extract_patches().
torch::Tensor stem_matrix(const torch::Tensor& weight, torch::ScalarType type) {
  const auto matrix = weight.permute({0, 2, 3, 1}).reshape({weight.size(0), kPatch});        // [C, 27]
  return torch::constant_pad_nd(matrix, {0, kPatchColumns - kPatch}).to(type).contiguous();  // [C, 32]
}

class EfficientNetLite : public FoldedEncoder {
 public:
  EfficientNetLite(const EncoderOptions& options, Scale scale) : FoldedEncoder(options) {
    stem_ = &add("stem", "_conv_stem", "_bn0", kLiteEpsilon, 3, kStemChannels, 3, 2);
    for (const auto& group : kGroups) {
      const bool scaled = &group != std::begin(kGroups) && &group != std::end(kGroups) - 1;
      const int repeats = scaled ? static_cast<int>(std::ceil(scale.depth * group.repeats)) : group.repeats;
      const int64_t outputs = scaled_channels(group.outputs, scale.width);
      for (int i = 0; i < repeats; ++i) {
        if (!next_stage()) return;
        add_block(group, outputs, i == 0 ? group.stride : 1);
      }
    }
    if (!next_stage()) return;
    head_ = &add("head", "_conv_head", "_bn1", kLiteEpsilon, channels_, kHeadChannels, 1);
    channels_ = kHeadChannels;
  }

  torch::Tensor forward(const torch::Tensor& pictures) override {
    check(pictures);
    const auto type = compute_type();
    const bool in_int8 = int8() && !torch::GradMode::is_enabled();
    int stage = 0;
    torch::Tensor x;
    {
      const torch::AutoGradMode mode(in_graph(stage, pictures));
      x = in_int8 && !pictures.is_floating_point() ? stem_int8(pictures) : stem(pictures);  // [B, ., ., 32]
    }
    for (const auto& block : blocks_) {
      const torch::AutoGradMode mode(in_graph(++stage, x));
      x = block.forward(x, type, in_int8);  // [B, ., ., C]
    }
    if (!head_) return x.to(torch::kFloat).contiguous();  // [B, h, w, C]
    const torch::AutoGradMode mode(in_graph(++stage, x));
    if (!x.device().is_cpu()) {
      return torch::relu6(same_convolution(x, *head_)).to(torch::kFloat).contiguous();  // [B, h, w, 1280]
    }
    if (in_int8) return head_int8(x);                  // [B, h, w, 1280]
    return pointwise_relu6(x, *head_, torch::kFloat);  // [B, h, w, 1280]
  }

  int64_t annotation_size() const override { return channels_; }

  bool has_int8() const override { return true; }

  std::array<int64_t, 2> grid(int64_t input_size) const override {
    const int64_t side = (input_size + reduction_ - 1) / reduction_;  // every halving is rounded up
    return {side, side};
  }

 private:
  void add_block(const Group& group, int64_t outputs, int64_t stride) {
    const auto number = std::to_string(blocks_.size());
    const auto name = "blocks." + number + ".", source = "_blocks." + number + ".";
    const int64_t inputs = channels_, widened = inputs * group.expansion;
    InvertedResidual block{};
    if (group.expansion != 1) {
      block.expand = &add(name + "expand", source + "_expand_conv", source + "_bn0", kLiteEpsilon, inputs, widened, 1);
    }
    block.depthwise = &add(name + "depthwise", source + "_depthwise_conv", source + "_bn1", kLiteEpsilon, widened,
                           widened, group.kernel, stride, widened);
    block.project =
        &add(name + "project", source + "_project_conv", source + "_bn2", kLiteEpsilon, widened, outputs, 1);
    block.residual = stride == 1 && inputs == outputs;
    blocks_.push_back(block);
    channels_ = outputs;
    reduction_ *= stride;
  }

  torch::Tensor patches_of(const torch::Tensor& pictures, torch::ScalarType type) const {
    const auto [top, height] = same_padding(pictures.size(1), 3, 2);
    const auto [left, width] = same_padding(pictures.size(2), 3, 2);
    return extract_patches(pictures, 2, top, left, height, width, type);  // [B, ., ., 32]
  }

  torch::Tensor stem(const torch::Tensor& pictures) const {
    if (!pictures.device().is_cpu() || pictures.is_floating_point()) {
      const auto scaled = (pictures.to(torch::kFloat) / 127.5 - 1).to(compute_type());  // [B, S, S, 3]
      return torch::relu6(same_convolution(scaled, *stem_)).contiguous();               // [B, ., ., 32]
    }
    return pointwise_relu6(patches_of(pictures, compute_type()), *stem_, compute_type(), stem_matrix);  // [B, ., ., 32]
  }

  /// In ReLU6's steps.
  torch::Tensor stem_int8(const torch::Tensor& pictures) const {
    const auto patches = patches_of(pictures, torch::kByte);  // [B, ., ., 32]
    // A byte b stands for b / 127.5 - 1. In ReLU6's steps it stands for three times that and 3; the 3 is taken from the bias.
    const auto packed = pack(*stem_, torch::kChar, [](const torch::Tensor& weight, torch::ScalarType type) {
      return stem_matrix(weight, type) / 3;  // [32, 32]
    });
    auto sums = torch::empty({1, kStemChannels});  // [1, 32], twice the sum of each channel's weights
    multiply_int8({torch::full({1, kPatchColumns}, 255, torch::kByte), {}}, packed, {}, Activation::kNone, {}, sums);
    auto y = torch::empty({patches.size(0), patches.size(1), patches.size(2), kStemChannels},
                          torch::kByte);  // [B, ., ., 32]
    multiply_int8({patches.view({-1, kPatchColumns}), {}}, packed, stem_->bias.detach() - sums[0] / 2,
                  Activation::kRelu6, {}, y.view({-1, kStemChannels}));
    return y;
  }

  torch::Tensor head_int8(const torch::Tensor& x) const {
    auto y = torch::empty({x.size(0), x.size(1), x.size(2), kHeadChannels});  // [B, h, w, 1280]
    multiply_int8(quantize_rows(x.view({-1, x.size(3)}), x.size(1) * x.size(2)),
                  pack(*head_, torch::kChar, pointwise_matrix), head_->bias.detach(), Activation::kRelu6, {},
                  y.view({-1, kHeadChannels}));
    return y;
  }

  const Convolution* stem_;
  std::vector<InvertedResidual> blocks_;
  const Convolution* head_ = nullptr;                 // null where options.stages ends the network before it
  int64_t channels_ = kStemChannels, reduction_ = 2;  // of what was added last
};

}  // namespace

std::unique_ptr<Encoder> make_efficientnet_lite(const EncoderOptions& options, int size) {
  return std::make_unique<EfficientNetLite>(options, kScales[size]);
}

}  // namespace attend
