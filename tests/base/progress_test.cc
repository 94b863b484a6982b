#include "base/progress.h"

#include <gtest/gtest.h>

namespace attend {
namespace {

TEST(ClockText, ShowsHoursOnlyWhenThereAreSome) {
  EXPECT_EQ(clock_text(0), "0:00");
  EXPECT_EQ(clock_text(64.6), "1:05");
  EXPECT_EQ(clock_text(59.7), "1:00");
  EXPECT_EQ(clock_text(3599.6), "1:00:00");
  EXPECT_EQ(clock_text(7384), "2:03:04");
}

TEST(ProgressTest, WritesNothingWhereThereIsNoTerminal) {
  ::testing::internal::CaptureStderr();
  {
    Progress progress("work", 10);
    for (int i = 0; i <= 10; ++i) progress.update(i, "note");
    progress.clear();
  }
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
}

TEST(Warn, IsOneLine) {
  ::testing::internal::CaptureStderr();
  warn("x.jpg: odd");
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "attend: warning: x.jpg: odd\n");
}

TEST(Complain, ShowsControlCharactersOfNames) {
  ::testing::internal::CaptureStderr();
  complain("x.jpg\r: no such\nfile");
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "attend: x.jpg\\r: no such\\nfile\n");
}

}  // namespace
}  // namespace attend
