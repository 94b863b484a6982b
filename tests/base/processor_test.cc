#include "base/processor.h"

#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
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
  Variable kernels("OPENBLAS_CORETYPE"), instructions("ATTEND_INSTRUCTIONS");
  kernels.set(nullptr);
  instructions.set(nullptr);
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

TEST(Processor, RunsTheBestInstructionsOrThoseAskedFor) {
  Variable asked("ATTEND_INSTRUCTIONS");
  asked.set(nullptr);
  const auto sets = instruction_sets();
  EXPECT_EQ(sets.back(), "plain");
  EXPECT_EQ(instruction_set(), sets.front());
  asked.set("");
  EXPECT_EQ(instruction_set(), sets.front());
  for (const auto& name : sets) {
    asked.set(name.c_str());
    EXPECT_EQ(instruction_set(), name);
  }
}

TEST(Processor, InstructionsThatItLacksAreRefusedByName) {
  Variable asked("ATTEND_INSTRUCTIONS");
  for (const char* name : {"avx1024", "AVX2", "avx2 ", "a\nb"}) {
    asked.set(name);
    try {
      prepare_tensor_libraries();
      ADD_FAILURE() << name;
    } catch (const UsageError& error) {
      const std::string what = error.what();
      EXPECT_EQ(what.find("ATTEND_INSTRUCTIONS="), 0u) << what;
      EXPECT_NE(what.find("plain"), std::string::npos) << what;
      EXPECT_EQ(what.find('\n'), std::string::npos) << what;
    }
  }
}

TEST(Processor, WhoAsksForASetKeepsTheLibrariesToIt) {
  Variable asked("ATTEND_INSTRUCTIONS"), onednn("ONEDNN_MAX_CPU_ISA"), libtorch("ATEN_CPU_CAPABILITY"),
      blas("OPENBLAS_CORETYPE");
  for (auto* variable : {&asked, &onednn, &libtorch, &blas}) variable->set(nullptr);
  prepare_tensor_libraries();
  EXPECT_EQ(onednn.value(), "");
  const auto sets = instruction_sets();
  if (std::find(sets.begin() + 1, sets.end(), "avx2") == sets.end())
    GTEST_SKIP() << "this processor has nothing better than avx2";
  blas.set(nullptr);
  asked.set("avx2");
  prepare_tensor_libraries();
  EXPECT_EQ(onednn.value(), "AVX2");
  EXPECT_EQ(libtorch.value(), "avx2");
  EXPECT_EQ(blas.value(), "HASWELL");
}

TEST(Processor, HasTheSetOfTilesWhereItHasTiles) {
  const auto sets = instruction_sets();
  EXPECT_EQ(std::count(sets.begin(), sets.end(), "avx512_amx"), has_tiles() ? 1 : 0);
}

#ifdef SYS_arch_prctl
/// From now on the system refuses this process tiles.
bool forbid_tiles() {
  constexpr unsigned kRequestPermission = 0x1023;
  sock_filter steps[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
                         BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_arch_prctl, 0, 3),
                         BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args[0])),
                         BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kRequestPermission, 0, 1),
                         BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
                         BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
  const sock_fprog program{std::size(steps), steps};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

TEST(Processor, WithoutPermissionForTilesTheNextSetRuns) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");  // a process that hasn't asked yet
  EXPECT_EXIT(
      {
        Variable asked("ATTEND_INSTRUCTIONS");
        asked.set(nullptr);
        const bool forbidden = forbid_tiles();
        std::fprintf(stderr, "%d %d %s", forbidden, has_tiles(), instruction_set().c_str());
        std::exit(0);
      },
      testing::ExitedWithCode(0), "1 0 (avx512_bf16|avx512_vnni|avx512|avx2_vnni|avx2|plain)");
}
#endif

TEST(MultiplyAdd, IsComputed) {
  for (const int64_t rounds : {1, 7, 1000}) {
    EXPECT_EQ(multiply_add(rounds), static_cast<double>(rounds) * multiply_add(1));
    EXPECT_EQ(multiply_add_tiles(rounds), static_cast<double>(rounds) * multiply_add_tiles(1));
  }
  EXPECT_EQ(multiply_add_tiles(1) > 0, has_tiles());
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
