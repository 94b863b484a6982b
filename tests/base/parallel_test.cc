#include "base/parallel.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>

#include "base/error.h"

namespace attend {
namespace {

void dawdle(size_t i) { std::this_thread::sleep_for(std::chrono::microseconds(37 * i % 500)); }

TEST(ParallelFor, CallsEveryIndexOnce) {
  for (const int threads : {-1, 1, 2, 7}) {
    std::vector<std::atomic<int>> calls(100);
    parallel_for(calls.size(), threads, [&](size_t i) { ++calls[i]; });
    for (const auto& count : calls) EXPECT_EQ(count, 1);
  }
  parallel_for(0, 4, [](size_t) { FAIL(); });
}

TEST(ParallelFor, UsesNoMoreThreadsThanAsked) {
  std::mutex mutex;
  std::set<std::thread::id> seen;
  parallel_for(200, 3, [&](size_t i) {
    dawdle(i);
    const std::lock_guard lock(mutex);
    seen.insert(std::this_thread::get_id());
  });
  EXPECT_LE(seen.size(), 3u);
}

TEST(ParallelFor, RethrowsAndStopsTakingWork) {
  for (const int threads : {1, 2, 5}) {
    std::atomic<int> calls{0};
    EXPECT_THROW(parallel_for(100000, threads,
                              [&](size_t i) {
                                ++calls;
                                if (i == 3) throw std::runtime_error("three");
                                // The others could have done all the rest before the one that throws is seen.
                                std::this_thread::sleep_for(std::chrono::milliseconds(1));
                              }),
                 std::runtime_error);
    if (threads == 1) {
      EXPECT_EQ(calls, 4);
    }
    EXPECT_LT(calls, 100000);
  }
}

/// In a process of its own that may have two more threads, if any.
template <class Work>
void expect_refusal_without_threads(Work work) {
  const auto refused = [&] {
    if (::geteuid() == 0 && ::setuid(65534) != 0) std::_Exit(2);  // root may have as many as it likes
    const rlimit few{3, 3};
    ::setrlimit(RLIMIT_NPROC, &few);
    try {
      work();
    } catch (const Error& error) {
      std::fputs(error.what(), stderr);
      std::_Exit(1);
    }
    std::_Exit(0);
  };
  EXPECT_EXIT(refused(), testing::ExitedWithCode(1), "threads cannot be started: .*--threads");
}

TEST(Threads, ThatCannotBeStartedAreSaidAndNobodyWaitsForThem) {
  expect_refusal_without_threads([] { require_threads(10); });
  expect_refusal_without_threads([] { parallel_for(10, 10, [](size_t i) { dawdle(i); }); });
  expect_refusal_without_threads([] { OrderedPipeline<int>(10, 10, 3, [](size_t) { return 1; }).next(); });
  require_threads(0);
  require_threads(20);
}

TEST(OrderedPipelineTest, HandsOutInOrderWhateverFinishesFirst) {
  OrderedPipeline<size_t> pipeline(200, 4, 8, [](size_t i) {
    dawdle(200 - i);
    return i * i;
  });
  for (size_t i = 0; i < 200; ++i) EXPECT_EQ(pipeline.next(), i * i);
  EXPECT_EQ(pipeline.next(), std::nullopt);
  EXPECT_EQ(pipeline.next(), std::nullopt);
}

TEST(OrderedPipelineTest, NeverRunsFurtherAheadThanAllowed) {
  constexpr size_t look_ahead = 3;
  std::atomic<size_t> read{0}, furthest{0};
  OrderedPipeline<size_t> pipeline(60, 4, look_ahead, [&](size_t i) {
    EXPECT_LT(i, read + 1 + look_ahead);  // the reader counts an item after next() has returned it
    size_t seen = furthest;
    while (seen < i && !furthest.compare_exchange_weak(seen, i)) {
    }
    return i;
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_EQ(furthest, look_ahead - 1);
  while (pipeline.next()) {
    ++read;
    dawdle(read);
  }
  EXPECT_EQ(read, 60u);
}

TEST(OrderedPipelineTest, AnExceptionComesInItsPlaceAndTheRestFollows) {
  OrderedPipeline<std::string> pipeline(5, 2, 2, [](size_t i) -> std::string {
    if (i == 0 || i == 3) throw std::runtime_error("no " + std::to_string(i));
    return std::to_string(i);
  });
  EXPECT_THROW(pipeline.next(), std::runtime_error);
  EXPECT_EQ(pipeline.next(), "1");
  EXPECT_EQ(pipeline.next(), "2");
  try {
    pipeline.next();
    ADD_FAILURE();
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), "no 3");
  }
  EXPECT_EQ(pipeline.next(), "4");
  EXPECT_EQ(pipeline.next(), std::nullopt);
}

TEST(OrderedPipelineTest, CanBeDroppedHalfReadOrUnread) {
  std::atomic<size_t> made{0};
  {
    OrderedPipeline<std::unique_ptr<size_t>> pipeline(100000, 3, 4, [&](size_t i) {
      ++made;
      return std::make_unique<size_t>(i);
    });
    EXPECT_EQ(**pipeline.next(), 0u);
  }
  EXPECT_LE(made, 5u);
  OrderedPipeline<int> unread(10, 2, 2, [](size_t) { return 1; });
}

TEST(OrderedPipelineTest, OfNothingEndsAtOnce) {
  OrderedPipeline<int> pipeline(0, 2, 2, [](size_t) { return 1; });
  EXPECT_EQ(pipeline.next(), std::nullopt);
}

TEST(AvailableProcessors, IsAtLeastOne) { EXPECT_GE(available_processors(), 1); }

}  // namespace
}  // namespace attend
