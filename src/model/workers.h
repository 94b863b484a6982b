// Batches of pictures, read and computed side by side.
#pragma once

#include <torch/torch.h>

#include <algorithm>
#include <utility>

#include "base/parallel.h"

namespace attend {

/// Gives this thread its share of the processors where `workers` of them compute side by side. Threads that begin after
/// this get as many: a SameProcessorsAfter is to outlive the workers.
void share_processors(int threads, int workers);

/// When it ends, this thread and those that begin after it have as many processors as this thread had before: sums of products
/// are rounded otherwise on another number of them.
class SameProcessorsAfter {
 public:
  SameProcessorsAfter();
  ~SameProcessorsAfter();
  SameProcessorsAfter(const SameProcessorsAfter&) = delete;
  SameProcessorsAfter& operator=(const SameProcessorsAfter&) = delete;

 private:
  int before_;
};

struct BatchWork {
  size_t count;  // batches
  int threads;   // processors
  torch::Device device;
  bool side_by_side = true;  // else all processors work on one batch, then on the next
};

/// take(compute(load(i))) for i from 0 to count - 1, in order; what load() and compute() throw comes out of here.
///
/// On processors every worker loads and computes batches of its own with its share of the processors: workers that have a
/// batch each never wait for one another, as they do where all share every operation. The calling thread takes. A GPU is
/// given its work by the calling thread alone, while others load: convolutions seem to be prepared anew for every thread that
/// asks for them, which takes seconds (docs/performance.md). Of each worker two batches at most are in memory.
template <class Load, class Compute, class Take>
void compute_batches(const BatchWork& work, Load&& load, Compute&& compute, Take&& take) {
  using Loaded = decltype(load(size_t{0}));
  using Computed = decltype(compute(std::declval<Loaded>()));
  const size_t most = work.device.is_cpu() && !work.side_by_side ? 1 : static_cast<size_t>(work.threads);
  const int workers = static_cast<int>(std::clamp<size_t>(work.count, 1, most));
  const auto ahead = 2 * static_cast<size_t>(workers);
  if (!work.device.is_cpu()) {
    OrderedPipeline<Loaded> pipeline(work.count, workers, ahead, load);
    while (auto loaded = pipeline.next()) take(compute(std::move(*loaded)));
    return;
  }
  const SameProcessorsAfter workers_have_ended;
  OrderedPipeline<Computed> pipeline(work.count, workers, ahead, [&](size_t i) {
    auto loaded = load(i);
    share_processors(work.threads, workers);
    return compute(std::move(loaded));
  });
  while (auto computed = pipeline.next()) take(std::move(*computed));
}

}  // namespace attend
