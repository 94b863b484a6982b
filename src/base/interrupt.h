// Signals that ask a process to end: SIGINT (Ctrl-C), SIGTERM, SIGHUP. One that was ignored when the program started
// (nohup) stays ignored.
#pragma once

namespace attend {

/// From now on these signals end the process as they do by default, but its temporary files are removed first.
void clean_up_on_signals();

/// From now on the first of these signals only raises a flag, which long work looks at between steps; a second one ends
/// the process at once.
void watch_interrupts();

/// Whether the work was asked to stop.
bool interrupted();

/// The exit status of a process that stopped when it was asked to: 128 and the number of the signal.
int interrupted_status();

}  // namespace attend
