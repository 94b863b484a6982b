#include "model/encoder.h"

#include "base/error.h"
#include "model/families.h"

namespace attend {
namespace {

struct Family {
  const char* name;
  std::unique_ptr<Encoder> (*make)(const EncoderOptions& options, int size);
  int size;
};

constexpr Family kFamilies[] = {
    {"efficientnet-lite0", make_efficientnet_lite, 0},
    {"efficientnet-lite1", make_efficientnet_lite, 1},
    {"efficientnet-lite2", make_efficientnet_lite, 2},
    {"efficientnet-lite3", make_efficientnet_lite, 3},
    {"efficientnet-lite4", make_efficientnet_lite, 4},
    {"resnet18", make_resnet, 18},
    {"resnet34", make_resnet, 34},
    {"resnet50", make_resnet, 50},
    {"resnet101", make_resnet, 101},
    {"resnet152", make_resnet, 152},
    {"vgg16", make_vgg, 16},
    {"vgg19", make_vgg, 19},
};

}  // namespace

void check_input_size(int input_size) {
  if (input_size > 0 && input_size < kLeastInputSize)
    throw UsageError("--input-size: " + std::to_string(input_size) + " is below " + std::to_string(kLeastInputSize));
}

void EncoderOptions::list(OptionList& options) {
  options.section("encoder", "Encoder");
  options.add("family", family, "the network that turns pictures into annotations", one_of(encoder_families()));
  options.add("stages", stages, "how many of its stages run, the first ones; fewer: a finer grid; 0: all", at_least(0));
  options.add("input_size", input_size, "side of the square that pictures are brought to, pixels",
              between(kLeastInputSize, kMostInputSize));
  options.add("resize", resize, "how a picture becomes a square: squash its sides, crop its middle, pad it",
              one_of({"squash", "crop", "pad"}));
  options.add(
      "precision", precision,
      "arithmetic of the convolutions; bf16 only where the processor has instructions for it, or a GPU computes, else "
      "fp32; int8: EfficientNet-Lite's blocks in 8-bit integers where the processor has instructions for them and "
      "they aren't trained, the rest as bf16",
      one_of({"fp32", "bf16", "int8"}));
}

std::vector<std::string> encoder_families() {
  std::vector<std::string> names;
  for (const auto& family : kFamilies) names.emplace_back(family.name);
  return names;
}

std::unique_ptr<Encoder> make_encoder(const EncoderOptions& options) {
  std::string known;
  for (const auto& family : kFamilies) {
    if (options.family == family.name) {
      auto encoder = family.make(options, family.size);
      if (options.stages <= encoder->stages()) return encoder;
      throw UsageError("encoder.stages: " + std::to_string(options.stages) + " is too many, " + options.family +
                       " has " + std::to_string(encoder->stages()));
    }
    known += known.empty() ? "" : ", ";
    known += family.name;
  }
  throw UsageError("encoder.family: \"" + options.family + "\" is unknown, must be one of " + known);
}

}  // namespace attend
