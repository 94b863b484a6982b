// The commands of attend, in the order in which people meet them.
#pragma once

#include <span>
#include <string>
#include <vector>

namespace attend {

struct CommandSummary {
  const char* name;
  const char* summary;  // a line, without a full stop
};

std::span<const CommandSummary> command_summaries();

std::vector<std::string> command_names();

/// Throws UsageError that says which command may have been meant.
[[noreturn]] void refuse_command(const std::string& name);

}  // namespace attend
