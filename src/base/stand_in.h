// What lies where another file was meant to.
#pragma once

#include <string>
#include <string_view>

namespace attend {

/// What stands in a file in place of what was meant, by its first bytes: "an empty file", "a pointer of Git LFS in place of
/// the file (git lfs pull fetches it)", a web page, NUL bytes that were never filled; else "".
std::string stand_in(std::string_view first);

}  // namespace attend
