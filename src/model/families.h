// One maker a family of encoders; encoder.cc knows their names.
#pragma once

#include <memory>

#include "model/encoder.h"

namespace attend {

/// size: 0-4.
std::unique_ptr<Encoder> make_efficientnet_lite(const EncoderOptions& options, int size);
/// layers: 18, 34, 50, 101 or 152.
std::unique_ptr<Encoder> make_resnet(const EncoderOptions& options, int layers);
/// layers: 16 or 19.
std::unique_ptr<Encoder> make_vgg(const EncoderOptions& options, int layers);

}  // namespace attend
