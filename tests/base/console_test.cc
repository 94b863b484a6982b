#include <gtest/gtest.h>

#include <vector>

#include "base/said.h"
#include "base/stderr_console.h"

namespace attend {
namespace {

TEST(ClockText, ShowsHoursOnlyWhenThereAreSome) {
  EXPECT_EQ(clock_text(0), "0:00");
  EXPECT_EQ(clock_text(64.6), "1:05");
  EXPECT_EQ(clock_text(59.7), "1:00");
  EXPECT_EQ(clock_text(3599.6), "1:00:00");
  EXPECT_EQ(clock_text(7384), "2:03:04");
}

/// Uses the program's console, without another's name, and gives the one before back.
class StderrConsoleTest : public ::testing::Test {
 protected:
  StderrConsole console_;
  Console* const before_ = use_console(&console_);
  void TearDown() override { use_console(before_); }
};

TEST(ConsoleTest, NothingIsSaidWhereNobodyListens) {
  Console* const before = use_console(nullptr);
  ::testing::internal::CaptureStderr();
  ::testing::internal::CaptureStdout();
  complain("x");
  note("x");
  warn("x");
  say("x");
  { Progress("work", 2).update(1); }
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
  EXPECT_EQ(::testing::internal::GetCapturedStdout(), "");
  use_console(before);
}

TEST(ConsoleTest, ProgressIsToldAtMostTenTimesASecondAndWhenItEnds) {
  struct Counter : Said {
    std::vector<int64_t> seen;
    int cleared = 0;
    void progress(const std::string& what, int64_t done, int64_t total, const std::string&,
                  std::chrono::steady_clock::time_point) override {
      EXPECT_EQ(what, "work");
      EXPECT_EQ(total, 1000);
      seen.push_back(done);
    }
    void clear() override { ++cleared; }
  } counter;
  {
    Progress progress("work", 1000);
    for (int64_t i = 1; i <= 1000; ++i) progress.update(i);
  }
  ASSERT_GE(counter.seen.size(), 2u);
  EXPECT_LT(counter.seen.size(), 500u);
  EXPECT_EQ(counter.seen.front(), 1);
  EXPECT_EQ(counter.seen.back(), 1000);
  EXPECT_EQ(counter.cleared, 1);
}

TEST_F(StderrConsoleTest, DrawsNoProgressWhereThereIsNoTerminal) {
  ::testing::internal::CaptureStderr();
  {
    Progress progress("work", 10);
    for (int i = 0; i <= 10; ++i) progress.update(i, "note");
    progress.clear();
  }
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
}

TEST_F(StderrConsoleTest, AWarningIsOneLine) {
  ::testing::internal::CaptureStderr();
  warn("x.jpg: odd");
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "attend: warning: x.jpg: odd\n");
}

TEST_F(StderrConsoleTest, OneOfSeveralSaysItsErrorsAlone) {
  console_.speak_as("rank 1");
  ::testing::internal::CaptureStderr();
  note("known");
  warn("odd");
  say("epoch 1");
  complain("lost");
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "attend: rank 1: lost\n");
}

TEST_F(StderrConsoleTest, ShowsControlCharactersOfNames) {
  ::testing::internal::CaptureStderr();
  complain("x.jpg\r: no such\nfile");
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "attend: x.jpg\\r: no such\\nfile\n");
}

}  // namespace
}  // namespace attend
