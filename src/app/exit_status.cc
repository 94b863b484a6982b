#include "app/exit_status.h"

#include <iostream>
#include <new>
#include <string>

#include "base/error.h"
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
  try {
    const int status = work();
    std::cout.flush();
    if (!std::cout) throw Error("standard output: can't be written");
    return status;
  } catch (const UsageError& error) {
    complain(error.what());
    return 2;
  } catch (const Interrupted& error) {
    complain(error.what());
    return 130;
  } catch (const std::exception& error) {
    complain(ran_out_of_memory(error) ? "not enough memory for this; ask for less at once, or raise the limit" : error.what());
    return 1;
  }
}

}  // namespace attend
