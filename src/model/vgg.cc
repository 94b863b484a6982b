// VGG 16 and 19 (Simonyan and Zisserman 2015), without batch norm, as torchvision has them. Annotations are what goes
// into the last max-pooling: 14 x 14 x 512 for VGG-19 at 224, as in Show, Attend and Tell.
//
// B pictures in a batch · S input side · h x w grid · C channels
#include <string>

#include "model/dense_convolution.h"
#include "model/families.h"
#include "model/folded_encoder.h"

namespace attend {
namespace {

constexpr int64_t kChannels[] = {64, 128, 256, 512, 512};

class Vgg : public FoldedEncoder {
 public:
  Vgg(const EncoderOptions& options, int layers) : FoldedEncoder(options) {
    const int deep = layers == 19 ? 4 : 3;  // convolutions in each of the last three groups
    int64_t inputs = 3;
    int place = 0;  // in torchvision's list of convolutions, ReLUs and poolings
    for (int group = 0; group < 5; ++group) {
      if (group > 0) ++place;
      for (int i = 0; i < (group < 2 ? 2 : deep); ++i) {
        if (!convolutions_.empty() && !next_stage()) return;
        convolutions_.push_back(&add("conv" + std::to_string(group + 1) + "_" + std::to_string(i + 1),
                                     "features." + std::to_string(place), "", 0, inputs, kChannels[group], 3));
        pooled_.push_back(group > 0 && i == 0);
        inputs = kChannels[group];
        reduction_ = 1 << group;
        place += 2;
      }
    }
  }

  torch::Tensor forward(const torch::Tensor& pictures) override {
    check(pictures);
    auto x = imagenet_input(pictures, compute_type());  // [B, 3, S, S]
    for (size_t i = 0; i < convolutions_.size(); ++i) {
      const torch::AutoGradMode mode(in_graph(static_cast<int>(i), x));
      if (pooled_[i]) x = torch::max_pool2d(x, 2, 2);      // [B, C, ., .]
      x = dense_convolution(x, *convolutions_[i]).relu();  // [B, C, ., .]
    }
    const torch::AutoGradMode mode(x.requires_grad());
    return x.permute({0, 2, 3, 1}).to(torch::kFloat).contiguous();  // [B, h, w, C]
  }

  int64_t annotation_size() const override { return convolutions_.back()->outputs(); }
  std::array<int64_t, 2> grid(int64_t input_size) const override {
    return {input_size / reduction_, input_size / reduction_};
  }

 private:
  std::vector<const Convolution*> convolutions_;
  std::vector<bool> pooled_;  // whether a max-pooling stands before the convolution
  int64_t reduction_ = 1;     // of the side, by poolings
};

}  // namespace

std::unique_ptr<Encoder> make_vgg(const EncoderOptions& options, int layers) {
  return std::make_unique<Vgg>(options, layers);
}

}  // namespace attend
