// What a process of attend sees to before its work, and how standard output ends.
#pragma once

#include "base/error.h"

namespace attend {

/// To be called first in main(). Descriptors 0 to 2 that are closed are taken, so that no file gets one of them and is
/// written into by messages: to read from or write to them fails. A closed pipe and a limit on the size of files are
/// errors of the write, not deaths. Signals that end the process remove its temporary files (see interrupt.h); a mapped
/// file that was cut short is said in one line.
void prepare_process();

/// Whoever read standard output has gone (attend … | head).
class OutputClosed : public Error {
 public:
  using Error::Error;
};

/// Flushes standard output. Throws OutputClosed, or Error that says why something didn't get there.
void flush_output();

}  // namespace attend
