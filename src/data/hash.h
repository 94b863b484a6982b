// A hash of bytes: to tell one content from another, not to keep secrets.
#pragma once

#include <cstdint>
#include <string_view>

namespace attend {

/// XXH3, 64 bits.
uint64_t hash_bytes(std::string_view bytes);

}  // namespace attend
