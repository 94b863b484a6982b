// Who speaks of several processes that work together.
#pragma once

#include <string>

namespace attend {

/// From now on this is one that doesn't speak for all: its errors begin with `who`, and notes, warnings and progress are left
/// to the one that does.
void speak_as(const std::string& who);

}  // namespace attend
