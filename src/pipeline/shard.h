// Parts of the pictures for several machines.
#pragma once

#include <cstdint>
#include <filesystem>

namespace attend {

/// Which of `count` parts a picture is in, from 1: by a hash of its path, whichever other pictures there are.
uint64_t shard_of(const std::filesystem::path& picture, uint64_t count);

}  // namespace attend
