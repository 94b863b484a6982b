#include "app/exit_status.h"

#include <csignal>
#include <new>
#include <string>

#include "base/error.h"
#include "base/interrupt.h"
#include "base/process.h"
#include "base/progress.h"

namespace attend {
namespace {

/// Also where LibTorch or OpenCV did, which have errors of their own for it.
bool ran_out_of_memory(const std::exception& error) {
  const std::string what = error.what();
  return dynamic_cast<const std::bad_alloc*>(&error) || what.find("can't allocate memory") != std::string::npos ||
         what.find("Failed to allocate") != std::string::npos;
}

}  // namespace

int exit_status(const std::function<int()>& work) {
  prepare_process();
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
    complain(ran_out_of_memory(error) ? "not enough memory for this; ask for less at once, or raise the limit" : error.what());
    return 1;
  }
}

}  // namespace attend
