#include "train/batches.h"

#include <gtest/gtest.h>

#include <set>

namespace attend {
namespace {

TEST(ExchangeWords, MakesTheCaptionsOfAMirroredPicture) {
  const Vocabulary vocabulary{{"<pad>", "<start>", "<end>", "<unk>", "a", "left", "dog", "right"}};
  std::vector<std::vector<int64_t>> captions{vocabulary.encode({"a", "dog", "left", "a", "right", "cat"}), {}};
  const auto before = captions;
  exchange_words(captions, vocabulary, "left", "right");
  EXPECT_EQ(captions[0], vocabulary.encode({"a", "dog", "right", "a", "left", "cat"}));
  EXPECT_TRUE(captions[1].empty());
  exchange_words(captions, vocabulary, "left", "right");
  EXPECT_EQ(captions, before);
}

TEST(ExchangeWords, LeavesCaptionsAloneWhereAWordIsUnknown) {
  const Vocabulary vocabulary{{"<pad>", "<start>", "<end>", "<unk>", "a", "left"}};
  std::vector<std::vector<int64_t>> captions{vocabulary.encode({"a", "left", "right", "cat"})};
  const auto before = captions;
  exchange_words(captions, vocabulary, "left", "right");
  EXPECT_EQ(captions, before);
}

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

TEST(WordWeights, FollowCaptionsThroughPacking) {
  const auto packed = pack_captions({{{4}, {4, 5}}, {{6, 7, 8}}});  // rows by falling length: the third, second, first
  const auto weights = word_weights(packed, {1, 2, 3});             // [N]
  EXPECT_TRUE(torch::equal(weights, torch::tensor({3.0f, 2.0f, 1.0f, 3.0f, 2.0f, 1.0f, 3.0f, 2.0f, 3.0f})));
}

}  // namespace
}  // namespace attend
