// Parts of the pictures for several machines.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace attend {

/// Which of `count` parts a picture is in, from 1: by a hash of its path, whichever other pictures there are.
uint64_t shard_of(const std::filesystem::path& picture, uint64_t count);

/// One part.
struct Shard {
  uint64_t number = 1, count = 1;
  std::string source;  // the environment variable that says so, or ""

  /// text: "I/N", 1 ≤ I ≤ N; "auto": as SLURM_ARRAY_TASK_ID and _COUNT or RANK and WORLD_SIZE in the environment say; "": all.
  /// Throws UsageError where it is something else, or where the environment says nothing, nonsense or both.
  explicit Shard(const std::string& text);
  bool has(const std::filesystem::path& picture) const { return shard_of(picture, count) == number; }
};

}  // namespace attend
