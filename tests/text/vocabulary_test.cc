#include "text/vocabulary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "base/error.h"

namespace attend {
namespace {

using Captions = std::vector<std::vector<std::string>>;

TEST(Vocabulary, OrdersByFallingCountThenAlphabet) {
  const auto vocabulary = Vocabulary::build(Captions{{"b", "a", "dog"}, {"dog", "c"}, {"dog", "b", "a"}}, 1);
  EXPECT_THAT(vocabulary.words(), testing::ElementsAre("<pad>", "<start>", "<end>", "<unk>", "dog", "a", "b", "c"));
}

TEST(Vocabulary, CountsItsWordsAndTheEndOfEveryCaption) {
  const Captions captions{{"a", "dog", "runs"}, {"a", "dog"}, {"a", "cat", "and", "a", "dog"}};
  const auto vocabulary = Vocabulary::build(captions, 2);
  EXPECT_THAT(vocabulary.words(), testing::ElementsAre("<pad>", "<start>", "<end>", "<unk>", "a", "dog"));
  EXPECT_THAT(vocabulary.counts(), testing::ElementsAre(0, 0, 3, 3, 4, 3));
  const auto again = vocabulary.counted({{"dog", "dog", "cow"}});
  EXPECT_EQ(again.words(), vocabulary.words());
  EXPECT_THAT(again.counts(), testing::ElementsAre(0, 0, 1, 1, 0, 2));
  EXPECT_THAT(again.counted({}).counts(), testing::IsEmpty());
  EXPECT_THAT(Vocabulary(vocabulary.words()).counts(), testing::IsEmpty());
}

TEST(Vocabulary, GrowsByNewWordsAndKeepsTheNumbersOfTheOldOnes) {
  const auto old = Vocabulary::build(Captions{{"zebra", "zebra", "ant"}}, 1);
  const Captions captions{{"a", "blue", "zebra"}, {"a", "blue", "gnu"}, {"a"}};
  const auto grown = old.grown(captions, 2);
  EXPECT_THAT(grown.words(), testing::ElementsAre("<pad>", "<start>", "<end>", "<unk>", "zebra", "ant", "a", "blue"));
  EXPECT_THAT(grown.counts(), testing::ElementsAre(0, 0, 3, 1, 1, 0, 3, 2));
  EXPECT_THAT(grown.unknown(captions), testing::ElementsAre(testing::Pair("gnu", 1)));
  EXPECT_THAT(old.unknown(captions),
              testing::ElementsAre(testing::Pair("a", 3), testing::Pair("blue", 2), testing::Pair("gnu", 1)));
  EXPECT_EQ(grown.grown(captions, 2).words(), grown.words());
}

TEST(Vocabulary, EncodesWhatSpellsASpecialWordAsUnknown) {
  const auto vocabulary = Vocabulary::build(Captions{{"dog"}}, 1);
  EXPECT_THAT(vocabulary.encode({"<start>", "dog", "<end>", "<pad>", "<unk>"}), testing::ElementsAre(3, 4, 3, 3, 3));
}

TEST(Vocabulary, RefusesCountsThatAreNone) {
  const std::vector<std::string> words{"<pad>", "<start>", "<end>", "<unk>", "dog"};
  EXPECT_NO_THROW(Vocabulary(words, {0, 0, 2, 1, 3}));
  EXPECT_THROW(Vocabulary(words, {0, 0, 2, 1}), InputError);
  EXPECT_THROW(Vocabulary(words, {0, 0, 2, 1, -1}), InputError);
  EXPECT_THROW(Vocabulary(words, {0, 0, 0, 1, 3}), InputError);
}

TEST(Vocabulary, LeavesOutRareWords) {
  const auto vocabulary = Vocabulary::build(Captions{{"dog", "cat"}, {"dog"}}, 2);
  EXPECT_EQ(vocabulary.size(), 5);
  EXPECT_EQ(vocabulary.id("dog"), 4);
  EXPECT_EQ(vocabulary.id("cat"), Vocabulary::kUnknown);
}

TEST(Vocabulary, TokensThatSpellSpecialWordsAreNoWords) {
  const auto vocabulary = Vocabulary::build(Captions{{"<unk>", "<pad>", "", "dog"}}, 1);
  EXPECT_EQ(vocabulary.size(), 5);
}

TEST(Vocabulary, SpecialWordsHaveTheirNumbers) {
  const auto vocabulary = Vocabulary::build({}, 1);
  EXPECT_EQ(vocabulary.word(Vocabulary::kPad), "<pad>");
  EXPECT_EQ(vocabulary.word(Vocabulary::kStart), "<start>");
  EXPECT_EQ(vocabulary.word(Vocabulary::kEnd), "<end>");
  EXPECT_EQ(vocabulary.word(Vocabulary::kUnknown), "<unk>");
  EXPECT_THROW(vocabulary.word(4), std::out_of_range);
  EXPECT_THROW(vocabulary.word(-1), std::out_of_range);
}

TEST(Vocabulary, RefusesWordListsThatAreNoVocabulary) {
  EXPECT_THROW(Vocabulary({}), InputError);
  EXPECT_THROW(Vocabulary({"<pad>", "<start>", "<end>"}), InputError);
  EXPECT_THROW(Vocabulary({"<start>", "<pad>", "<end>", "<unk>"}), InputError);
  EXPECT_THROW(Vocabulary({"<pad>", "<start>", "<end>", "<unk>", "dog", ""}), InputError);
  EXPECT_THROW(Vocabulary({"<pad>", "<start>", "<end>", "<unk>", "dog", "cat", "dog"}), InputError);
}

TEST(Vocabulary, EncodingAndWordsAreARoundTrip) {
  std::mt19937 random(1);
  Captions captions(200);
  for (auto& caption : captions) {
    for (unsigned i = 0; i < 1 + random() % 12; ++i) caption.push_back("w" + std::to_string(random() % 100));
  }
  const auto built = Vocabulary::build(captions, 1);
  const Vocabulary vocabulary(built.words());
  for (const auto& caption : captions) {
    std::vector<std::string> decoded;
    for (const auto id : vocabulary.encode(caption)) decoded.push_back(vocabulary.word(id));
    EXPECT_EQ(decoded, caption);
  }
}

TEST(Vocabulary, DoesNotDependOnTheOrderOfCaptions) {
  Captions captions{{"a", "dog"}, {"two", "cats"}, {"a", "cat"}, {"two", "dogs"}};
  const auto words = Vocabulary::build(captions, 1).words();
  std::reverse(captions.begin(), captions.end());
  EXPECT_EQ(Vocabulary::build(captions, 1).words(), words);
}

}  // namespace
}  // namespace attend
