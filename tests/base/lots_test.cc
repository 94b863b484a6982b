#include "base/lots.h"

#include <gtest/gtest.h>

#include <set>

namespace attend {
namespace {

TEST(Drawn, AllComeBeforeAnyComesAgain) {
  const auto list = drawn(25, 10, 3);
  ASSERT_EQ(list.size(), 25u);
  for (size_t begin = 0; begin < 20; begin += 10)
    EXPECT_EQ(std::set<size_t>(list.begin() + begin, list.begin() + begin + 10).size(), 10u);
  EXPECT_EQ(std::set<size_t>(list.begin() + 20, list.end()).size(), 5u);
  EXPECT_EQ(drawn(25, 10, 3), list);
  EXPECT_NE(drawn(25, 10, 4), list);
  EXPECT_TRUE(drawn(0, 10, 3).empty());
}

}  // namespace
}  // namespace attend
