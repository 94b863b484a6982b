#include "base/interrupt.h"

#include <csignal>

namespace attend {
namespace {
volatile std::sig_atomic_t raised = 0;

void on_signal(int signal) {
  raised = 1;
  std::signal(signal, SIG_DFL);
}
}  // namespace

void watch_interrupts() {
  std::signal(SIGINT, on_signal);
  std::signal(SIGTERM, on_signal);
}

bool interrupted() { return raised != 0; }

}  // namespace attend
