// Ctrl-C and SIGTERM as a flag that long work looks at between steps.
#pragma once

namespace attend {

/// From now on the first SIGINT or SIGTERM only raises the flag; a second one ends the process at once.
void watch_interrupts();

/// Whether the work was asked to stop.
bool interrupted();

}  // namespace attend
