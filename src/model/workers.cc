#include "model/workers.h"

#include <ATen/Parallel.h>

namespace attend {

void share_processors(int threads, int workers) { at::set_num_threads(std::max(1, threads / workers)); }

}  // namespace attend
