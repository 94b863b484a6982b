// The encoder: a convolutional network that turns pictures into a grid of annotations (Show, Attend and Tell,
// section 3.1.1). A file a family stands beside this header.
//
// B pictures in a batch · S input side · h x w grid · L = h·w cells · D annotation size
#pragma once

#include <torch/torch.h>

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/options.h"

namespace attend {

constexpr int kLeastInputSize = 32, kMostInputSize = 4096;  // sides of the input, pixels, that any encoder takes

/// Throws UsageError unless a command's --input-size is one of these or 0, as the model says.
void check_input_size(int input_size);

/// Which network, and how pictures are brought to it. Travels with the weights in a model file.
struct EncoderOptions {
  std::string family = "efficientnet-lite2";
  int input_size = 260;  // side of the square input, pixels
  // How many of the network's stages run, the first ones; 0: all. Fewer give annotations "from a lower convolutional
  // layer" (section 3.1.1): a finer grid whose cells each see less of the picture.
  int stages = 0;
  std::string resize = "squash";  // squash | crop | pad: see vision/geometry.h
  // fp32 | bf16 | int8, the last two where the processor has instructions for them, else the one before: the arithmetic of
  // the convolutions; annotations are always fp32
  std::string precision = "fp32";

  void list(OptionList& options);
};

/// Names of tensors as they stand in a weights file → the tensors.
using TensorMap = std::map<std::string, torch::Tensor>;

/// A picture network without its classifier. Batch-norm statistics are frozen: load() folds them into the weights of
/// the convolution before them, so what is trained, saved and run is one weight and one bias a convolution.
class Encoder {
 public:
  virtual ~Encoder() = default;

  /// pictures: u8 RGB [B, S, S, 3], contiguous, on any device; any S from 32 up that the family can divide. Or fp32 of
  /// the same scale, 0 to 255. Returns annotations [B, h, w, D], fp32, contiguous. The scaling of pixels (x / 127.5 - 1,
  /// ImageNet mean and deviation, …) is the family's own and happens in here. Gradients reach only what
  /// set_trainable() chose, and fp32 pictures that require them.
  virtual torch::Tensor forward(const torch::Tensor& pictures) = 0;

  /// D.
  virtual int64_t annotation_size() const = 0;
  /// {h, w} for an input of side S.
  virtual std::array<int64_t, 2> grid(int64_t input_size) const = 0;

  /// Blocks that can be trained apart from those before them, from the picture (0) to the annotations (size - 1).
  virtual int stages() const = 0;
  /// Lets gradients reach the last `count` stages; the rest runs without a graph. 0 freezes all.
  virtual void set_trainable(int count) = 0;
  /// The parameters of the trainable stages.
  virtual std::vector<torch::Tensor> trainable_parameters() const = 0;

  /// Takes the weights a framework published (torchvision's or efficientnet_lite_pytorch's names, batch norm
  /// apart). Throws InputError that names `source` and the first tensor that is missing or has another shape.
  virtual void import_weights(const TensorMap& weights, const std::string& source) = 0;
  /// The tensors import_weights() asks for: published name → shape.
  virtual std::map<std::string, std::vector<int64_t>> published_tensors() const = 0;

  /// attend's own names (stable, batch norm folded) → the parameters, for model files and checkpoints. load_state()
  /// copies into the parameters (any float dtype); throws InputError that names `source` on a missing tensor or shape.
  virtual TensorMap state() const = 0;
  virtual void load_state(const TensorMap& state, const std::string& source) = 0;

  virtual void to(torch::Device device) = 0;

  /// "fp32", "bf16" or "int8" from the next forward() on; the parameters are fp32 in any case. Throws UsageError.
  virtual void set_precision(const std::string& precision) = 0;
  /// The arithmetic at work, which is what was asked for only where the processor, or the GPU, has it and the network can use
  /// it.
  virtual std::string precision() const = 0;
};

/// Makes the network options.family names, with random weights (He et al. 2015; a generator seeded by
/// torch::manual_seed). Throws UsageError on a family it doesn't know and on more stages than it has;
/// encoder_families() lists those it does.
std::unique_ptr<Encoder> make_encoder(const EncoderOptions& options);
std::vector<std::string> encoder_families();

}  // namespace attend
