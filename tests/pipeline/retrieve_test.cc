#include "pipeline/retrieve.h"

#include <gtest/gtest.h>

namespace attend {
namespace {

TEST(Recall, CountsRanksUpToK) {
  const Recall recall = recall_of({3, 1, std::nullopt, 6, 1, 12, 2, std::nullopt});  // 1 1 2 3 6 12 - -
  EXPECT_DOUBLE_EQ(recall.at_1, 2.0 / 8);
  EXPECT_DOUBLE_EQ(recall.at_5, 4.0 / 8);
  EXPECT_DOUBLE_EQ(recall.at_10, 5.0 / 8);
  EXPECT_EQ(recall.median_rank, 3u);
  EXPECT_DOUBLE_EQ(recall.among_candidates, 6.0 / 8);
  EXPECT_FALSE(recall_of({1, std::nullopt, std::nullopt}).median_rank);
}

TEST(Recall, IsOfOwnPicturesAndOfAnyOwnText) {
  // Texts 0 and 1 are of picture 0, text 2 is of picture 1.
  const std::vector<size_t> picture_of{0, 0, 1};
  const auto match = [](size_t picture, size_t text) { return Match{picture, text, 0, 0}; };
  Retrieval found;
  found.of_text = {{match(1, 0), match(0, 0)}, {match(0, 1), match(1, 1)}, {match(0, 2)}};   // ranks 2, 1, none
  found.of_picture = {{match(0, 2), match(0, 1), match(0, 0)}, {match(1, 2), match(1, 0)}};  // ranks 2, 1
  const auto recall = recall_of(found, picture_of);
  EXPECT_DOUBLE_EQ(recall.image_from_text.at_1, 1.0 / 3);
  EXPECT_DOUBLE_EQ(recall.image_from_text.at_5, 2.0 / 3);
  EXPECT_EQ(recall.image_from_text.median_rank, 2u);
  EXPECT_DOUBLE_EQ(recall.text_from_image.at_1, 1.0 / 2);
  EXPECT_DOUBLE_EQ(recall.text_from_image.among_candidates, 1);
  EXPECT_EQ(recall.text_from_image.median_rank, 1u);
}

}  // namespace
}  // namespace attend
