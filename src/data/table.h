// Text files as people have them; tables themselves are TableReader's (data/caption_list.h).
#pragma once

#include <string>
#include <string_view>

namespace attend {

/// The text without a byte order mark. Throws InputError for UTF-16, NUL bytes, lines that end with CR
/// alone, and for what is no such file at all (a pointer of Git LFS, a web page, …).
std::string_view plain_text(std::string_view text, const std::string& source);

/// The next line without its end (\n or \r\n), which it takes off `rest`.
std::string_view take_line(std::string_view& rest);

/// A field as CSV has it: in quotes where it needs them.
std::string csv_field(std::string_view text, char delimiter);

}  // namespace attend
