#include "base/interrupt.h"

#include <csignal>

#include "base/atomic_file.h"

namespace attend {
namespace {

volatile std::sig_atomic_t raised = 0, watched = 0;

void on_signal(int signal) {
  if (watched && !raised) {
    raised = signal;
    return;
  }
  unlink_temporaries();
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

}  // namespace

void clean_up_on_signals() {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction before;
    if (::sigaction(signal, nullptr, &before) == 0 && before.sa_handler != SIG_IGN) std::signal(signal, on_signal);
  }
}

void watch_interrupts() {
  clean_up_on_signals();
  watched = 1;
}

bool interrupted() { return raised != 0; }

int interrupted_status() { return 128 + (raised ? raised : SIGINT); }

}  // namespace attend
