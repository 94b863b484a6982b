#include "app/commands.h"
#include "base/parallel.h"

namespace attend {

void RunOptions::list(OptionList& options) {
  options.section("", "Machine");
  options.add("device", device, "where tensors are computed", one_of({"auto", "cpu", "cuda"}));
  options.add("threads", threads, "processor threads; 0: as many as this process may use", between(0, 4096));
}

int RunOptions::count_threads() const { return threads > 0 ? threads : available_processors(); }

}  // namespace attend
