// Texts with any bytes as fields of a line, between tabs.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace attend {

/// A text with \\, \t, \n and \r for a backslash, tab, newline and carriage return.
std::string escaped(std::string_view text);
/// The text again. A backslash before anything else stands for itself.
std::string unescaped(std::string_view text);

/// Fields of any bytes as one line, between tabs, with its end.
std::string joined_line(const std::vector<std::string>& fields);
/// The fields of such a line without its end.
std::vector<std::string> parted_line(std::string_view line);

}  // namespace attend
