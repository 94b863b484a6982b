// Every command, and what it says of itself: for manual pages and completion.
#pragma once

#include <map>
#include <string>

#include "app/command_list.h"
#include "app/commands.h"

namespace attend {

const std::map<std::string, CommandFunction>& every_command();

/// What `attend NAME --help-json` says, with "summary" (see command_list.h).
Json describe_command(const CommandSummary& command);

}  // namespace attend
