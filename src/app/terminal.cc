#include "app/terminal.h"

#include "base/interrupt.h"

namespace attend {

Host terminal_host(Progress& progress) {
  return {[&progress](int64_t done, int64_t) { progress.update(done); },
          [&progress](const std::string& message) {
            progress.clear();
            warn(message);
          },
          interrupted};
}

}  // namespace attend
