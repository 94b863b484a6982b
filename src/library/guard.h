// Exceptions become statuses at the border of the library.
#pragma once

#include <attend/attend.h>

namespace attend {

/// To be called where an exception was caught: its status; what it says becomes this thread's last message.
attend_status status_of_exception() noexcept;

/// Runs `work`; whatever it throws becomes a status.
template <class Work>
attend_status guarded(const Work& work) noexcept {
  try {
    work();
    return ATTEND_OK;
  } catch (...) {
    return status_of_exception();
  }
}

/// Of this thread; "" where no call has failed.
const char* last_message() noexcept;

}  // namespace attend
