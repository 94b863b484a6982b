#include <torch/torch.h>

#include "app/commands.h"
#include "base/memory_limit.h"
#include "base/parallel.h"

namespace attend {

void RunOptions::list(OptionList& options) {
  options.section("", "Machine");
  options.add("device", device, "where tensors are computed", one_of({"auto", "cpu", "cuda"}));
  options.add("threads", threads, "processor threads; 0: as many as this process may use", between(0, 4096));
}

int RunOptions::count_threads() const { return threads > 0 ? threads : available_processors(); }

int RunOptions::set_threads() const {
  const int count = count_threads();
  require_memory(count);
  require_threads(2 * count);  // workers, and those that LibTorch waits for until they have begun
  at::set_num_threads(count);
  return count;
}

}  // namespace attend
