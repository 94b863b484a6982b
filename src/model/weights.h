// Weights that other frameworks publish, whatever file they come in.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "model/encoder.h"

namespace attend {

/// `text` from outside as an error message can carry it: in quotes, on one line, not too long.
std::string quote(std::string_view text);

}  // namespace attend
