// What every program of attend does around its work.
#pragma once

#include <functional>

namespace attend {

/// Prepares the process, runs `work` and returns its exit status; an exception becomes one line on standard error and 1, a
/// wrong command line 2, an interruption 128 and the signal's number, so does a closed standard output (SIGPIPE's), without
/// the line. Standard output is flushed, and what didn't reach it is an error.
int exit_status(const std::function<int()>& work);

}  // namespace attend
