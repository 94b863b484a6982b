#include "pipeline/audit_words.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace attend {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

TEST(FindByWords, NumbersCaptionsThroughPictures) {
  const std::vector<std::vector<std::string>> captions{
      {"a dog lies on the grass", "the dog sleeps on green grass", "two trains at a station"},
      {"a cat"},
      {"A dog lies on the grass.", "a dog lies on the wet grass", "a dog in the grass"},
  };
  const auto found = find_by_words(captions);
  EXPECT_THAT(found.first, ElementsAre(0, 3, 4));
  EXPECT_THAT(found.place_of(2), Pair(0, 2));
  EXPECT_THAT(found.place_of(3), Pair(1, 0));
  EXPECT_THAT(found.place_of(6), Pair(2, 2));
  ASSERT_EQ(found.alike.size(), 1u);
  EXPECT_THAT(found.alike[0].sentences, ElementsAre(0, 4, 5));
  EXPECT_FALSE(found.alike[0].equal);
  EXPECT_THAT(found.apart, ElementsAre(2));
}

TEST(FindByWords, FindsNothingInNothing) {
  const auto found = find_by_words(std::vector<std::vector<std::string>>{});
  EXPECT_THAT(found.first, IsEmpty());
  EXPECT_THAT(found.alike, IsEmpty());
  EXPECT_THAT(found.apart, IsEmpty());
}

}  // namespace
}  // namespace attend
