#include "base/processor.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>

#include "base/error.h"
#include "base/multiply_adds.h"

namespace attend {
namespace {

/// An environment variable that is as it was when the test has ended.
class Variable {
 public:
  explicit Variable(const char* name) : name_(name) {
    if (const char* value = std::getenv(name)) had_ = true, before_ = value;
  }
  ~Variable() { had_ ? ::setenv(name_, before_.c_str(), 1) : ::unsetenv(name_); }
  void set(const char* value) { value ? ::setenv(name_, value, 1) : ::unsetenv(name_); }
  std::string value() const {
    const char* now = std::getenv(name_);
    return now ? now : "";
  }

 private:
  const char* name_;
  bool had_ = false;
  std::string before_;
};

TEST(Processor, RunsTheKernelsThatAreBestForItAndAllOlderOnes) {
  const std::string best = best_blas_kernels();
  EXPECT_TRUE(can_run_blas_kernels(best));
  bool older = false;
  for (const std::string name : {"COOPERLAKE", "SKYLAKEX", "HASWELL", "SANDYBRIDGE", "NEHALEM", "PRESCOTT"}) {
    older |= name == best || (name == "HASWELL" && best == "ZEN");
    EXPECT_TRUE(!older || can_run_blas_kernels(name)) << name;
  }
  EXPECT_TRUE(can_run_blas_kernels("kernels of a later OpenBLAS"));
}

TEST(Processor, WhatTheUserHasSetStays) {
  Variable kernels("OPENBLAS_CORETYPE");
  kernels.set(nullptr);
  prepare_tensor_libraries();
  EXPECT_EQ(kernels.value(), best_blas_kernels());
  kernels.set("Nehalem");
  if (can_run_blas_kernels("nehalem")) prepare_tensor_libraries();
  EXPECT_EQ(kernels.value(), "Nehalem");
}

TEST(Processor, KernelsThatItCannotRunAreRefusedByName) {
  Variable kernels("OPENBLAS_CORETYPE");
  for (const std::string name : {"COOPERLAKE", "SKYLAKEX", "HASWELL"}) {
    if (can_run_blas_kernels(name)) continue;
    kernels.set(name.c_str());
    EXPECT_THROW(prepare_tensor_libraries(), UsageError) << name;
  }
}

TEST(MultiplyAdd, IsComputed) {
  for (const int64_t rounds : {1, 7, 1000}) EXPECT_EQ(multiply_add(rounds), static_cast<double>(rounds) * multiply_add(1));
}

TEST(TimingMultiplyAdd, TakesAsLongAsItHasRounds) {
  const auto seconds = [](int64_t rounds) {
    double best = 1e9;
    for (int i = 0; i < 20; ++i) {
      const auto begin = std::chrono::steady_clock::now();
      EXPECT_GT(multiply_add(rounds), 0);
      best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
    }
    return best;
  };
  EXPECT_GT(seconds(800'000), 3 * seconds(100'000));
}

}  // namespace
}  // namespace attend
