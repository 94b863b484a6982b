#include "text/word_families.h"

#include <gtest/gtest.h>

#include <set>

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

TEST(WordForms, IrregularFormsBelongToTheirWordAndAllOthersToThemselves) {
  const auto of = word_forms({"man", "men", "dog", "dogs", "ride", "rode", "riding", "is", "are", "is", "leaf",
                              "leaves", "leave", "leaving", "2", "woman"});
  EXPECT_EQ(of[0], of[1]);
  EXPECT_EQ(of[2], of[3]);
  EXPECT_EQ(of[4], of[5]);
  EXPECT_EQ(of[4], of[6]);
  EXPECT_EQ(of[7], of[9]) << "a word is a form of itself";
  EXPECT_EQ(of[10], of[11]);
  EXPECT_EQ(of[12], of[13]);
  const std::set<int32_t> different{of[0], of[2], of[4], of[7], of[8], of[10], of[12], of[14], of[15]};
  EXPECT_EQ(different.size(), 9u);
}

}  // namespace
}  // namespace attend
