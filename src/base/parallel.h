// Threads: how many, loops over an index, and an ordered pipeline with bounded look-ahead.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <exception>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace attend {

/// Processors this process may run on (at least 1): its affinity mask, not the machine's size.
int available_processors();

/// Starts a thread. Throws Error where the system allows no more of them.
std::thread start_thread(std::function<void()> work);

/// Throws Error unless so many threads can run beside this one. For libraries that wait for ever for threads that couldn't be
/// started.
void require_threads(int count);

/// Runs body(i) for i in [0, count) on `threads` threads; the first exception is rethrown after all have stopped.
void parallel_for(size_t count, int threads, const std::function<void(size_t)>& body);

/// Computes make(0), make(1), … on worker threads, at most `look_ahead` ahead of the reader, and hands the
/// results out in order of index: memory stays flat however many there are. An exception thrown by make(i) is rethrown
/// by the next() that would have returned it; the items after it can still be read.
template <class T>
class OrderedPipeline {
 public:
  OrderedPipeline(size_t count, int workers, size_t look_ahead, std::function<T(size_t)> make)
      : count_(count), look_ahead_(look_ahead), make_(std::move(make)) {
    try {
      for (int i = 0; i < workers; ++i) threads_.push_back(start_thread([this] { work(); }));
    } catch (...) {
      stop();
      throw;
    }
  }
  ~OrderedPipeline() { stop(); }
  OrderedPipeline(const OrderedPipeline&) = delete;
  OrderedPipeline& operator=(const OrderedPipeline&) = delete;

  /// The next item, or nothing after the last.
  std::optional<T> next() {
    std::unique_lock lock(mutex_);
    if (read_ == count_) return std::nullopt;
    changed_.wait(lock, [&] { return ready_.count(read_) > 0; });
    auto node = ready_.extract(read_++);
    lock.unlock();
    changed_.notify_all();
    if (node.mapped().error) std::rethrow_exception(node.mapped().error);
    return std::move(node.mapped().value);
  }

 private:
  struct Item {
    std::optional<T> value;
    std::exception_ptr error;
  };

  void stop() {
    {
      const std::lock_guard lock(mutex_);
      stopped_ = true;
    }
    changed_.notify_all();
    for (auto& thread : threads_) thread.join();
  }

  void work() {
    for (;;) {
      size_t index;
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return stopped_ || taken_ == count_ || taken_ < read_ + look_ahead_; });
        if (stopped_ || taken_ == count_) return;
        index = taken_++;
      }
      Item item;
      try {
        item.value.emplace(make_(index));
      } catch (...) {
        item.error = std::current_exception();
      }
      {
        const std::lock_guard lock(mutex_);
        ready_.emplace(index, std::move(item));
      }
      changed_.notify_all();
    }
  }

  const size_t count_, look_ahead_;
  const std::function<T(size_t)> make_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<size_t, Item> ready_;
  size_t taken_ = 0, read_ = 0;
  bool stopped_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace attend
