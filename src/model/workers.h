// Batches computed side by side, each by a worker with its share of the processors. Threads that have a batch each never
// wait for one another, as they do where all share every operation.
#pragma once

#include <torch/torch.h>

#include <mutex>

namespace attend {

class Workers {
 public:
  /// For `batches` of work on `threads` processors; a device that isn't a processor is used by one worker at a time,
  /// while the others read pictures.
  Workers(size_t batches, int threads, torch::Device device);
  /// Gives the calling thread all processors again.
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  int count() const { return count_; }
  /// To be called by a worker before it computes, and kept while it does.
  std::unique_lock<std::mutex> begin();

 private:
  const int threads_, count_;
  const bool take_turns_;
  std::mutex device_;
};

}  // namespace attend
