#include "app/exit_status.h"

#include <csignal>

#include "base/error.h"
#include "base/interrupt.h"
#include "base/memory_limit.h"
#include "base/process.h"
#include "base/stderr_console.h"

namespace attend {

int exit_status(const std::function<int()>& work) {
  prepare_process();
  use_console(&stderr_console());
  try {
    const int status = work();
    flush_output();
    return status;
  } catch (const OutputClosed&) {
    return 128 + SIGPIPE;  // as if that had ended it: nobody is left to be told
  } catch (const UsageError& error) {
    complain(error.what());
    return 2;
  } catch (const Interrupted& error) {
    complain(error.what());
    return interrupted_status();
  } catch (const std::exception& error) {
    complain(ran_out_of_memory(error) ? "not enough memory for this; ask for less at once, or raise the limit"
                                      : error.what());
    return 1;
  }
}

}  // namespace attend
