#include "model/workers.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <mutex>
#include <set>
#include <stdexcept>
#include <thread>

namespace attend {
namespace {

// No GPU is asked for anything here: where it would compute is all that counts.
const torch::Device kProcessor(torch::kCPU), kGpu(torch::kCUDA, 0);

class ComputeBatches : public testing::TestWithParam<torch::Device> {};

TEST_P(ComputeBatches, TakesWhatWasComputedOfWhatWasLoadedInOrder) {
  std::vector<size_t> taken;
  compute_batches(
      {50, 4, GetParam()}, [](size_t i) { return i + 1; }, [](size_t loaded) { return 2 * loaded; },
      [&](size_t computed) { taken.push_back(computed); });
  std::vector<size_t> expected(50);
  for (size_t i = 0; i < expected.size(); ++i) expected[i] = 2 * (i + 1);
  EXPECT_EQ(taken, expected);
}

TEST_P(ComputeBatches, OfNothingTakesNothing) {
  compute_batches(
      {0, 4, GetParam()}, [](size_t i) { return i; }, [](size_t loaded) { return loaded; }, [](size_t) { FAIL(); });
}

TEST_P(ComputeBatches, HandsOnWhatAnyPartThrows) {
  for (const int part : {0, 1, 2}) {
    const auto fault = [part](int here, size_t i) {
      if (here == part && i == 7) throw std::runtime_error("part " + std::to_string(part));
      return i;
    };
    size_t taken = 0;
    const auto run = [&] {
      compute_batches(
          {20, 3, GetParam()}, [&](size_t i) { return fault(0, i); }, [&](size_t loaded) { return fault(1, loaded); },
          [&](size_t computed) { taken += fault(2, computed) == computed; });
    };
    EXPECT_THROW(run(), std::runtime_error);
    EXPECT_EQ(taken, 7u);
  }
}

INSTANTIATE_TEST_SUITE_P(Devices, ComputeBatches, testing::Values(kProcessor, kGpu),
                         [](const auto& test) { return test.param.is_cpu() ? "Processor" : "Gpu"; });

/// The threads that compute, and with how many processors each.
std::pair<std::set<std::thread::id>, std::set<int>> computing(const BatchWork& work) {
  std::mutex mutex;
  std::set<std::thread::id> threads;
  std::set<int> processors;
  compute_batches(
      work, [](size_t i) { return i; },
      [&](size_t loaded) {
        const std::lock_guard lock(mutex);
        threads.insert(std::this_thread::get_id());
        processors.insert(at::get_num_threads());
        return loaded;
      },
      [](size_t) {});
  return {threads, processors};
}

TEST(ComputeBatchesOnProcessors, SharesThemAmongTheWorkers) {
  const auto [threads, processors] = computing({200, 4, kProcessor});
  EXPECT_FALSE(threads.count(std::this_thread::get_id()));
  EXPECT_LE(threads.size(), 4u);
  EXPECT_EQ(processors, std::set<int>{1});
  EXPECT_EQ(computing({2, 4, kProcessor}).second, std::set<int>{2});  // two batches: two workers
}

TEST(ComputeBatchesOnProcessors, LeavesAsManyAsThereWereToThisThreadAndThoseThatComeAfter) {
  const int before = at::get_num_threads();
  for (const int had : {1, 2, 5}) {
    at::set_num_threads(had);
    for (const bool side_by_side : {true, false}) {
      computing({200, 3, kProcessor, side_by_side});
      int after = 0;
      std::thread([&] { after = at::get_num_threads(); }).join();
      EXPECT_EQ(after, had);
      EXPECT_EQ(at::get_num_threads(), had);
    }
  }
  at::set_num_threads(before);
}

TEST(ComputeBatchesOnProcessors, GivesABatchAllOfThemWhereNoneMayBeSideBySide) {
  const auto [threads, processors] = computing({50, 4, kProcessor, false});
  EXPECT_EQ(threads.size(), 1u);
  EXPECT_EQ(processors, std::set<int>{4});
}

TEST(ComputeBatchesOnAGpu, AsksItFromTheCallingThreadAlone) {
  for (const bool side_by_side : {true, false})
    EXPECT_EQ(computing({50, 4, kGpu, side_by_side}).first, std::set{std::this_thread::get_id()});
}

}  // namespace
}  // namespace attend
