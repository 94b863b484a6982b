#include "model/workers.h"

#include <ATen/Parallel.h>

namespace attend {

void share_processors(int threads, int workers) { at::set_num_threads(std::max(1, threads / workers)); }

SameProcessorsAfter::SameProcessorsAfter() : before_(at::get_num_threads()) {}
SameProcessorsAfter::~SameProcessorsAfter() { at::set_num_threads(before_); }

}  // namespace attend
