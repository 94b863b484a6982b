// Which part of the pictures this run is for, as --shard or the environment says.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "pipeline/shard.h"

namespace attend {

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
