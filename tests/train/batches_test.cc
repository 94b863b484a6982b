#include "train/batches.h"

#include <gtest/gtest.h>

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

TEST(WordWeights, FollowCaptionsThroughPacking) {
  const auto packed = pack_captions({{{4}, {4, 5}}, {{6, 7, 8}}});  // rows by falling length: the third, second, first
  const auto weights = word_weights(packed, {1, 2, 3});             // [N]
  EXPECT_TRUE(torch::equal(weights, torch::tensor({3.0f, 2.0f, 1.0f, 3.0f, 2.0f, 1.0f, 3.0f, 2.0f, 3.0f})));
}

}  // namespace
}  // namespace attend
