// One maker a family of encoders; encoder.cc knows their names.
#pragma once

#include <memory>

#include "model/encoder.h"

namespace attend {

/// size: 0-4.
std::unique_ptr<Encoder> make_efficientnet_lite(const EncoderOptions& options, int size);

}  // namespace attend
