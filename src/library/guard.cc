#include "library/guard.h"

#include <exception>
#include <new>
#include <stdexcept>
#include <string>

#include "base/error.h"
#include "base/memory_limit.h"

namespace attend {
namespace {

thread_local std::string message;
thread_local bool no_room_for_message = false;

attend_status say(attend_status status, const char* what) noexcept {
  try {
    message = what;
    for (char& c : message)
      if (c == '\n') c = ' ';
    no_room_for_message = false;
  } catch (...) {
    no_room_for_message = true;
  }
  return status;
}

constexpr const char* kNoMemory = "not enough memory for this; ask for less at once";

}  // namespace

const char* last_message() noexcept { return no_room_for_message ? kNoMemory : message.c_str(); }

attend_status status_of_exception() noexcept {
  try {
    throw;
  } catch (const UsageError& error) {
    return say(ATTEND_INVALID, error.what());
  } catch (const InputError& error) {
    return say(ATTEND_INPUT, error.what());
  } catch (const Interrupted& error) {
    return say(ATTEND_CANCELLED, error.what());
  } catch (const std::length_error&) {  // a list longer than any memory
    return say(ATTEND_NO_MEMORY, kNoMemory);
  } catch (const std::exception& error) {
    return ran_out_of_memory(error) ? say(ATTEND_NO_MEMORY, kNoMemory) : say(ATTEND_FAILED, error.what());
  } catch (...) {
    return say(ATTEND_FAILED, "something that is no exception of attend's was thrown");
  }
}

}  // namespace attend
