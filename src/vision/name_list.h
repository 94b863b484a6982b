// Lists of names, a name a line or with a NUL byte behind each, from whatever program wrote them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace attend {

/// The names in a list, without empty ones. `end` stands behind each: a newline, or NUL as `find -print0` writes it. Names
/// may hold any other bytes. A byte order mark, and Windows' carriage return at the end of a line, are taken for what
/// they are, unless a file has just this name. Throws InputError, which begins with `source`, for UTF-16 and for a list
/// with the other end: nothing is read of it.
std::vector<std::string> parse_name_list(std::string_view list, char end, const std::string& source);

}  // namespace attend
