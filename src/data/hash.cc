#include "data/hash.h"

#include "data/xxhash.h"

namespace attend {

uint64_t hash_bytes(std::string_view bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

}  // namespace attend
