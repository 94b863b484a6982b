// Text from outside made fit for a person's eyes.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace attend {

/// `text` with everything written out that a terminal would act on or leave invisible: control characters as \n, \r, \t
/// or \x1b, bytes that aren't UTF-8 as \xff, line separators, direction marks and other invisible characters as
/// \u202e. All else, a backslash too, stays as it is. The result is one line of valid UTF-8.
std::string printable(std::string_view text);

/// `text` from outside as an error message can carry it: in quotes, on one line, not too long.
std::string quote(std::string_view text);

/// "1 picture", "3 pictures".
std::string counted(size_t count, const std::string& noun);
/// "1 of 1 picture", "1 of 3 pictures".
std::string counted_of(size_t part, size_t all, const std::string& noun);

}  // namespace attend
