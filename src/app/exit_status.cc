#include "app/exit_status.h"

#include <iostream>

#include "base/error.h"
#include "base/progress.h"

namespace attend {

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
    complain(error.what());
    return 1;
  }
}

}  // namespace attend
