// Captions as metadata: XMP files beside pictures, as photo managers read them.
#pragma once

#include <string>
#include <string_view>

namespace attend {

/// An XMP packet (ISO 16684-1) with `description` as dc:description in the language x-default. What XML can't hold (control
/// characters, bytes that aren't UTF-8) becomes U+FFFD.
std::string xmp_packet(const std::string& description);

/// Whether an XMP file is one of attend's, with nothing of another program in it.
bool is_own_xmp(std::string_view file);

}  // namespace attend
