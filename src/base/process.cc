#include "base/process.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <iostream>

#include "base/atomic_file.h"
#include "base/files.h"
#include "base/interrupt.h"

namespace attend {
namespace {

/// A closed descriptor becomes one that can't be used the way it is meant to be.
void open_standard_descriptors() {
  for (int descriptor = 0; descriptor <= 2; ++descriptor) {
    if (::fcntl(descriptor, F_GETFD) >= 0 || errno != EBADF) continue;
    if (::open("/dev/null", descriptor == 0 ? O_WRONLY : O_RDONLY) != descriptor) std::_Exit(1);
  }
}

struct sigaction bus_error_before;

void on_bus_error(int, siginfo_t* info, void*) {
  const char* file = mapped_file_at(info->si_addr);
  if (!file) {  // no file of ours: the instruction is run again, and the process ends as it would have
    ::sigaction(SIGBUS, &bus_error_before, nullptr);
    return;
  }
  for (const char* part : {"attend: ", file, ": was cut short while it was read\n"})
    if (::write(STDERR_FILENO, part, std::strlen(part)) < 0) break;
  unlink_temporaries();
  std::_Exit(1);
}

}  // namespace

void prepare_process() {
  open_standard_descriptors();
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  clean_up_on_signals();
  struct sigaction action {};
  action.sa_sigaction = on_bus_error;
  action.sa_flags = SA_SIGINFO;
  ::sigaction(SIGBUS, &action, &bus_error_before);
}

void flush_output() {
  errno = 0;
  std::cout.flush();
  const bool failed = std::fflush(stdout) != 0;
  if (!failed && std::cout && !std::ferror(stdout)) return;
  const std::string why = errno ? std::string(": ") + std::strerror(errno) : "";
  pollfd output{STDOUT_FILENO, POLLOUT, 0};
  if (errno == EPIPE || (::poll(&output, 1, 0) == 1 && (output.revents & POLLERR)))
    throw OutputClosed("standard output: nobody reads it any more");
  throw Error("standard output: can't be written" + why);
}

}  // namespace attend
