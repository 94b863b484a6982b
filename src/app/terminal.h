// The terminal as the outside of the library: a progress line, warnings on standard error, Ctrl-C.
#pragma once

#include "base/console.h"
#include "base/host.h"

namespace attend {

/// Draws on `progress`, which must outlive it, and is asked to stop by the signals that watch_interrupts() watches.
Host terminal_host(Progress& progress);

}  // namespace attend
