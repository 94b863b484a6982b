#include "base/spool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "base/error.h"

namespace attend {
namespace {

using ::testing::HasSubstr;

TEST(Spool, ReadsAtAnyPlaceWhatWasAppended) {
  std::mt19937 generator(2);
  Spool spool;
  std::string all;
  for (int i = 0; i < 300; ++i) {
    std::string bytes(i == 100 ? 900'000 : generator() % 9000, ' ');
    for (char& one : bytes) one = static_cast<char>(generator());
    EXPECT_EQ(spool.add(bytes), all.size());
    all += bytes;
    ASSERT_EQ(spool.size(), all.size());
    for (int n = 0; n < 5; ++n) {  // in the file, in memory, and across
      const size_t at = generator() % (all.size() + 1), count = generator() % (all.size() - at + 1);
      ASSERT_EQ(spool.read(at, count), all.substr(at, count));
    }
  }
  SpoolReader reader(spool);
  std::string again;
  while (!reader.ended()) {
    std::string some(std::min<size_t>(generator() % 200'000, all.size() - again.size()), ' ');
    reader.read(some.data(), some.size());
    again += some;
  }
  EXPECT_TRUE(again == all);
  Spool other = std::move(spool);
  EXPECT_EQ(spool.size(), 0u);  // NOLINT: it may be used again
  EXPECT_EQ(other.read(5, 100), all.substr(5, 100));
}

TEST(Spool, SaysWhereThereIsNoRoom) {
  const char* before = std::getenv("TMPDIR");
  const std::string kept = before ? before : "";
  ::setenv("TMPDIR", "/nowhere", 1);
  Spool few;
  few.add("few bytes need no file");
  EXPECT_EQ(few.read(4, 5), "bytes");
  try {
    few.add(std::string(1 << 20, 'x'));
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("/nowhere: no temporary file can be made there: "));
    EXPECT_THAT(error.what(), HasSubstr("TMPDIR"));
  }
  before ? ::setenv("TMPDIR", kept.c_str(), 1) : ::unsetenv("TMPDIR");
}

TEST(Records, AreReadByTheirNumbersAndInOrder) {
  struct Both {
    int first;
    double second;
  };
  Records<Both> records;
  for (int i = 0; i < 50'000; ++i) records.add({i, i / 3.0});
  ASSERT_EQ(records.size(), 50'000u);
  for (const size_t i : {size_t{49'999}, size_t{0}, size_t{12'345}})
    EXPECT_EQ(records[i].second, static_cast<double>(i) / 3);
  size_t count = 0;
  records.each([&](size_t i, const Both& one) { count += i == count && one.first == static_cast<int>(i); });
  EXPECT_EQ(count, records.size());
}

}  // namespace
}  // namespace attend
