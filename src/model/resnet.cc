// ResNet 18-152 (He et al. 2016) as torchvision has them: in blocks that narrow, the stride stands on the 3x3
// convolution. Annotations are the last block's output.
//
// B pictures in a batch · S input side · h x w grid · C channels
#include <string>

#include "model/dense_convolution.h"
#include "model/families.h"
#include "model/folded_encoder.h"

namespace attend {
namespace {

constexpr double kResNetEpsilon = 1e-5;  // of batch norm

/// Table 1 of the paper: blocks of each of the four groups.
struct Depth {
  int layers;
  int blocks[4];
  bool bottleneck;
};
constexpr Depth kDepths[] = {{18, {2, 2, 2, 2}, false},
                             {34, {3, 4, 6, 3}, false},
                             {50, {3, 4, 6, 3}, true},
                             {101, {3, 4, 23, 3}, true},
                             {152, {3, 8, 36, 3}, true}};

class ResNet : public FoldedEncoder {
 public:
  ResNet(const EncoderOptions& options, const Depth& depth) : FoldedEncoder(options) {
    stem_ = &add("stem", "conv1", "bn1", kResNetEpsilon, 3, 64, 7, 2);
    for (int group = 0; group < 4; ++group) {
      for (int i = 0; i < depth.blocks[group]; ++i) {
        if (!next_stage()) return;
        add_block(group, i, 64LL << group, group > 0 && i == 0 ? 2 : 1, depth.bottleneck);
      }
    }
  }

  torch::Tensor forward(const torch::Tensor& pictures) override {
    check(pictures);
    int stage = 0;
    torch::Tensor x;
    {
      const torch::AutoGradMode mode(in_graph(stage, pictures));
      x = dense_convolution(imagenet_input(pictures, compute_type()), *stem_).relu();  // [B, 64, ., .]
      x = torch::max_pool2d(x, 3, 2, 1);                                               // [B, 64, ., .]
    }
    for (const auto& block : blocks_) {
      const torch::AutoGradMode mode(in_graph(++stage, x));
      auto y = x;
      for (const auto* convolution : block.path) {
        y = dense_convolution(y, *convolution);  // [B, C, ., .]
        if (convolution != block.path.back()) y = y.relu();
      }
      x = (y + (block.shortcut ? dense_convolution(x, *block.shortcut) : x)).relu();  // [B, C, ., .]
    }
    const torch::AutoGradMode mode(in_graph(stage, x));
    return x.permute({0, 2, 3, 1}).to(torch::kFloat).contiguous();  // [B, h, w, C]
  }

  int64_t annotation_size() const override { return channels_; }

  std::array<int64_t, 2> grid(int64_t input_size) const override {
    const int64_t side = (input_size + reduction_ - 1) / reduction_;  // every halving is rounded up
    return {side, side};
  }

 private:
  struct Block {
    std::vector<const Convolution*> path;
    const Convolution* shortcut;  // null where the input is added as it is
  };

  void add_block(int group, int number, int64_t width, int64_t stride, bool bottleneck) {
    const auto place = std::to_string(group + 1) + "." + std::to_string(number) + ".";
    const auto name = "groups." + place, source = "layer" + place;
    Block block{};
    const auto add_step = [&](int64_t inputs, int64_t outputs, int64_t kernel, int64_t step_stride) {
      const auto step = std::to_string(block.path.size() + 1);
      block.path.push_back(&add(name + "conv" + step, source + "conv" + step, source + "bn" + step, kResNetEpsilon,
                                inputs, outputs, kernel, step_stride));
    };
    const int64_t outputs = bottleneck ? 4 * width : width;
    if (bottleneck) {
      add_step(channels_, width, 1, 1);
      add_step(width, width, 3, stride);
      add_step(width, outputs, 1, 1);
    } else {
      add_step(channels_, width, 3, stride);
      add_step(width, width, 3, 1);
    }
    if (stride != 1 || channels_ != outputs) {
      block.shortcut = &add(name + "shortcut", source + "downsample.0", source + "downsample.1", kResNetEpsilon,
                            channels_, outputs, 1, stride);
    }
    channels_ = outputs;
    reduction_ *= stride;
    blocks_.push_back(block);
  }

  const Convolution* stem_;
  std::vector<Block> blocks_;
  int64_t channels_ = 64, reduction_ = 4;  // of what was added last
};

}  // namespace

std::unique_ptr<Encoder> make_resnet(const EncoderOptions& options, int layers) {
  const Depth* depth = kDepths;
  while (depth->layers != layers) ++depth;
  return std::make_unique<ResNet>(options, *depth);
}

}  // namespace attend
