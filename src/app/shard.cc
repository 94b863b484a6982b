#include "app/shard.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <optional>
#include <string_view>

#include "base/error.h"

namespace attend {
namespace {

std::optional<uint64_t> whole_number(std::string_view text) {
  uint64_t value = 0;
  const auto [behind, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && behind == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

const char* environment(const char* name) {
  const char* value = std::getenv(name);
  return value && *value ? value : nullptr;
}

/// A variable that has to be a whole number.
uint64_t number_in(const char* name) {
  const char* text = environment(name);
  const auto value = whole_number(text ? text : "");
  if (!value)
    throw UsageError("--shard auto: " + std::string(name) +
                     (text ? " is no whole number: " + std::string(text) : " isn't set"));
  return *value;
}

void take_environment(Shard& shard) {
  const bool slurm = environment("SLURM_ARRAY_TASK_ID"), ranks = environment("RANK");
  if (slurm && ranks)
    throw UsageError("--shard auto: SLURM_ARRAY_TASK_ID and RANK are both set; say which part with I/N");
  if (slurm) {
    shard.source = "SLURM_ARRAY_TASK_ID";
    shard.count = number_in("SLURM_ARRAY_TASK_COUNT");
    const uint64_t id = number_in("SLURM_ARRAY_TASK_ID");
    const uint64_t first = environment("SLURM_ARRAY_TASK_MIN") ? number_in("SLURM_ARRAY_TASK_MIN") : 1;
    const uint64_t step = environment("SLURM_ARRAY_TASK_STEP") ? number_in("SLURM_ARRAY_TASK_STEP") : 1;
    shard.number = id < first || step == 0 ? 0 : (id - first) / step + 1;
    // Of an array of which only some tasks are submitted again, SLURM counts these alone: another part than the first time.
    const uint64_t last = environment("SLURM_ARRAY_TASK_MAX") ? number_in("SLURM_ARRAY_TASK_MAX") : 0;
    if (first > 1 || (last > 0 && step > 0 && (last - first) / step + 1 != shard.count))
      throw UsageError(
          "--shard auto: this job array isn't one of all parts, numbered from 0 or 1 without gaps; say which part with "
          "--shard $SLURM_ARRAY_TASK_ID/N, N being the number of all parts");
  } else if (ranks) {
    shard.source = "RANK";
    shard.number = number_in("RANK") + 1;
    shard.count = number_in("WORLD_SIZE");
  } else {
    throw UsageError(
        "--shard auto: neither SLURM_ARRAY_TASK_ID and SLURM_ARRAY_TASK_COUNT nor RANK and WORLD_SIZE are set; say "
        "which part with I/N");
  }
  if (shard.number < 1 || shard.number > shard.count)
    throw UsageError("--shard auto: " + shard.source + " is none of " + std::to_string(shard.count) +
                     " parts that follow one another; say which part with I/N");
}

}  // namespace

Shard::Shard(const std::string& text) {
  if (text.empty()) return;
  if (text == "auto") {
    take_environment(*this);
    return;
  }
  const size_t slash = std::min(text.find('/'), text.size());
  const auto first = whole_number(std::string_view(text).substr(0, slash)),
             second = whole_number(std::string_view(text).substr(std::min(slash + 1, text.size())));
  if (!first || !second || *first < 1 || *first > *second)
    throw UsageError("--shard: " + text + ": I/N is needed, the I-th of N parts, from 1/N to N/N, or auto");
  number = *first, count = *second;
}

}  // namespace attend
