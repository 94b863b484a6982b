#include "model/workers.h"

#include <ATen/Parallel.h>

#include <algorithm>

namespace attend {

Workers::Workers(size_t batches, int threads, torch::Device device)
    : threads_(threads), count_(static_cast<int>(std::clamp<size_t>(batches, 1, static_cast<size_t>(threads)))),
      take_turns_(!device.is_cpu()) {}

Workers::~Workers() { at::set_num_threads(threads_); }

std::unique_lock<std::mutex> Workers::begin() {
  at::set_num_threads(std::max(1, threads_ / count_));  // of this thread
  return take_turns_ ? std::unique_lock(device_) : std::unique_lock<std::mutex>();
}

}  // namespace attend
