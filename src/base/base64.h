// Bytes as text: RFC 4648, section 4.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace attend {

/// The base64 of any bytes, padded with "=".
std::string base64(std::string_view bytes);

/// The bytes again, or nothing where the text is no base64.
std::optional<std::string> from_base64(std::string_view text);

}  // namespace attend
