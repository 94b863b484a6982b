#include "pipeline/shard.h"

#include "data/hash.h"

namespace attend {

uint64_t shard_of(const std::filesystem::path& picture, uint64_t count) {
  return hash_bytes(picture.native()) % count + 1;
}

}  // namespace attend
