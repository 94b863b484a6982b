#include "text/word_families.h"

#include <gtest/gtest.h>

namespace attend {
namespace {

TEST(WordFamilies, FormsOfAWordAreOneAndFunctionWordsNone) {
  const auto of = word_families(
      {"<start>", "dog", "dogs", "a", "skiing", "ski", "man", "of", "2", "'s", "caf\u00e9", "caf\u00e9s", "'", "bus"});
  EXPECT_EQ(of[1], of[2]);
  EXPECT_EQ(of[4], of[5]);
  EXPECT_NE(of[1], of[4]);
  EXPECT_NE(of[1], of[6]);
  for (const size_t none : {0, 3, 7, 8, 12}) EXPECT_EQ(of[none], -1) << none;
  for (const size_t some : {1, 4, 6, 10, 13}) EXPECT_GE(of[some], 0) << some;
}

}  // namespace
}  // namespace attend
