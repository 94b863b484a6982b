#include "metrics/caption_faults.h"

#include <gtest/gtest.h>

namespace attend {
namespace {

/// "in" ends one caption of 201 that have it, "dog" two of 400, "a" none of 203.
CaptionFaults faults() {
  std::vector<Tokens> captions(200, {"a", "dog", "in", "snow"});
  captions.push_back({"a", "cat", "in"});
  captions.insert(captions.end(), 198, {"dog", "runs"});
  captions.insert(captions.end(), 2, {"a", "dog"});
  return CaptionFaults(std::vector<std::vector<Tokens>>{captions});
}

TEST(CaptionFaults, AWordThatHardlyEverEndsACaptionIsABadEnding) {
  const auto f = faults();
  EXPECT_FALSE(f.ends_badly({"a", "dog"}));
  EXPECT_FALSE(f.ends_badly({"snow"}));
  EXPECT_TRUE(f.ends_badly({"a", "dog", "in"}));
  EXPECT_TRUE(f.ends_badly({"dog", "in", "a"}));
  EXPECT_TRUE(f.ends_badly({"dog", "never-seen"}));
  EXPECT_TRUE(f.ends_badly({}));
}

TEST(CaptionFaults, AWordOrAPairThatFollowsItselfIsARepetition) {
  EXPECT_TRUE(CaptionFaults::repeats({"a", "dog", "dog", "runs"}));
  EXPECT_TRUE(CaptionFaults::repeats({"runs", "runs"}));
  EXPECT_TRUE(CaptionFaults::repeats({"man", "in", "the", "in", "the"}));
  EXPECT_TRUE(CaptionFaults::repeats({"in", "the", "in", "the", "snow"}));
  EXPECT_FALSE(CaptionFaults::repeats({"white", "and", "white"}));
  EXPECT_FALSE(CaptionFaults::repeats({"a", "b", "c", "a", "b", "c"}));
  EXPECT_FALSE(CaptionFaults::repeats({"dog"}));
  EXPECT_FALSE(CaptionFaults::repeats({}));
}

TEST(CaptionFaults, SharesAreOfAllCaptions) {
  const auto shares =
      faults().shares(std::vector<Tokens>{{"a", "dog"}, {"a", "a", "dog"}, {"dog", "dog", "in"}, {"snow"}});
  EXPECT_DOUBLE_EQ(shares.bad_endings, 0.25);
  EXPECT_DOUBLE_EQ(shares.repetitions, 0.5);
  EXPECT_EQ(faults().shares({}).bad_endings, 0);
}

}  // namespace
}  // namespace attend
