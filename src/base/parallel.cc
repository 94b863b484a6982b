#include "base/parallel.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <string>
#include <system_error>

#include "base/error.h"

namespace attend {

int available_processors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
  return std::max(1u, std::thread::hardware_concurrency());
}

std::thread start_thread(std::function<void()> work) {
  try {
    return std::thread(std::move(work));
  } catch (const std::system_error& error) {
    throw Error(std::string("threads cannot be started: ") + error.code().message() +
                "; this process may have too few (ulimit -u): give it more, or ask for fewer with --threads");
  }
}

void require_threads(int count) {
  std::promise<void> ready;
  const auto all = ready.get_future().share();
  std::vector<std::thread> threads;
  std::exception_ptr error;
  try {
    while (static_cast<int>(threads.size()) < count) threads.push_back(start_thread([all] { all.wait(); }));
  } catch (...) {
    error = std::current_exception();
  }
  ready.set_value();
  for (auto& thread : threads) thread.join();
  if (error) std::rethrow_exception(error);
}

void parallel_for(size_t count, int threads, const std::function<void(size_t)>& body) {
  std::atomic<size_t> next{0};
  std::exception_ptr error;
  std::mutex mutex;
  const auto work = [&] {
    for (size_t i; (i = next++) < count;) {
      try {
        body(i);
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (!error) error = std::current_exception();
        next = count;
      }
    }
  };
  std::vector<std::thread> helpers;
  const size_t extra = std::min<size_t>(static_cast<size_t>(std::max(1, threads)), count);
  try {
    for (size_t i = 1; i < extra; ++i) helpers.push_back(start_thread(work));
  } catch (...) {
    const std::lock_guard lock(mutex);
    error = std::current_exception();
    next = count;
  }
  work();
  for (auto& helper : helpers) helper.join();
  if (error) std::rethrow_exception(error);
}

}  // namespace attend
