#include "decode/constraints.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "text/ptb_tokenizer.h"

namespace attend {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

const Vocabulary& vocabulary() {
  static const Vocabulary words({"<pad>", "<start>", "<end>", "<unk>", "a", "dog", "dogs", "man", "men", "is",
                                 "running", "ran", "black", "cat", "fire", "hydrant", "of", "sits"});
  return words;
}

Constraints constraints(const std::vector<std::string>& must, const std::vector<std::string>& must_not = {},
                        int most = 10) {
  return {must, must_not, most, vocabulary(), "the model"};
}

std::vector<int64_t> said(const std::string& words) { return vocabulary().encode(caption_tokens(words)); }

std::string fault(const std::vector<std::string>& must, const std::vector<std::string>& must_not = {}, int most = 10) {
  try {
    constraints(must, must_not, most);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "";
}

/// The words banned behind `words`.
std::vector<std::string> banned(const Constraints& constraints, const std::string& words) {
  std::vector<int64_t> numbers;
  constraints.add_banned(said(words), numbers);
  std::vector<std::string> list;
  for (const int64_t number : numbers) list.push_back(vocabulary().word(number));
  return list;
}

TEST(Constraints, AWordIsCoveredInAnyOfItsFormsAndExactlyWhereThatIsAsked) {
  EXPECT_EQ(constraints({"Dog"}).covered(said("a dogs")), 1);
  EXPECT_EQ(constraints({"run"}).covered(said("men ran")), 1) << "a form counts though the word itself isn't known";
  EXPECT_EQ(constraints({"=dog"}).covered(said("dogs")), 0);
  EXPECT_EQ(constraints({"=dog"}).covered(said("dogs dog")), 1);
  EXPECT_EQ(constraints({"is"}).covered(said("is")), 1) << "function words have no family, and are words all the same";
}

TEST(Constraints, APhraseIsCoveredInARowAndMayBegunAnew) {
  const auto phrase = constraints({"black black cat"});
  EXPECT_EQ(phrase.words(), 3);
  EXPECT_EQ(phrase.covered(said("a")), 0);
  EXPECT_EQ(phrase.covered(said("a black")), 1);
  EXPECT_EQ(phrase.covered(said("a black black")), 2);
  EXPECT_EQ(phrase.covered(said("a black black black")), 2) << "the last two may be the first two";
  EXPECT_EQ(phrase.covered(said("a black black black cat")), 3);
  EXPECT_EQ(phrase.covered(said("a black black cat dog")), 3) << "once met, met for good";
  EXPECT_EQ(phrase.covered(said("black cat")), 0);
}

TEST(Constraints, WhatALongerPhraseSaysTakesNoPlaceOfItsOwn) {
  EXPECT_EQ(constraints({"hydrant", "fire hydrant", "fire hydrant", "=fire"}).words(), 2);
  EXPECT_EQ(constraints({"dog", "=dogs"}).words(), 1);
  EXPECT_EQ(constraints({"=dogs", "dog"}).covered(said("dog")), 0);
}

TEST(Constraints, WantsTheWordsOfThePhrasesThatAreLacking) {
  const auto both = constraints({"dog", "black cat"});
  const auto ids = [](const std::string& words) { return said(words); };
  EXPECT_THAT(both.wanted({}), ::testing::UnorderedElementsAreArray(ids("dog dogs black cat")));
  EXPECT_THAT(both.wanted(said("black dogs")), ::testing::UnorderedElementsAreArray(ids("black cat")));
  EXPECT_THAT(both.wanted(said("dog black cat")), IsEmpty());
  EXPECT_EQ(both.covered(said("dog black")), 2);
}

TEST(Constraints, BansWordsWithTheirFormsAndPhrasesAtTheirLastWord) {
  const auto none = constraints({}, {"man", "=running", "black cat", "of"});
  EXPECT_TRUE(none.forbids());
  EXPECT_THAT(banned(none, "a"), UnorderedElementsAre("man", "men", "running", "of"));
  EXPECT_THAT(banned(none, "a black"), UnorderedElementsAre("man", "men", "running", "of", "cat"));
  EXPECT_THAT(constraints({}, {"zebra", "red zebra", "a zebra dog"}).unsayable(),
              ElementsAre("zebra", "red", "zebra", "zebra"));
  EXPECT_FALSE(constraints({}, {"zebra"}).forbids());
}

TEST(Constraints, RefusesInOneLineWhatCannotBe) {
  EXPECT_EQ(fault({"dgo"}), "decode.must: \"dgo\" is no word that the model can say; the nearest: \"dog\", \"dogs\"");
  EXPECT_EQ(fault({"a hippopotamus"}), "decode.must: \"hippopotamus\" is no word that the model can say");
  EXPECT_EQ(fault({"=doggy dog"}).substr(0, 50), "decode.must: \"doggy\" is no word that the model can");
  EXPECT_EQ(fault({"=run"}).substr(0, 48), "decode.must: \"run\" is no word that the model can")
      << "exactly so it can't";
  EXPECT_EQ(fault({"a cat", "fire hydrant"}, {}, 3), "decode.must: 4 words must be said, above decode.max_length 3");
  EXPECT_EQ(fault({"a cat", "fire hydrant"}, {}, 4), "");
  for (const auto& [must, must_not] :
       std::vector<std::pair<std::string, std::string>>{{"dog", "dogs"},
                                                        {"black cat", "cat"},
                                                        {"=dogs", "dog"},
                                                        {"a black cat", "black cat"},
                                                        {"fire hydrant", "fire hydrant"}})
    EXPECT_EQ(fault({must}, {must_not}),
              "decode.must: \"" + must + "\" can't be said without what decode.must_not forbids");
  EXPECT_THAT(fault({"black cat"}, {"=cat"}), HasSubstr("can't be said"));
  EXPECT_EQ(fault({"dog"}, {"=dogs"}), "") << "the other form is left";
  EXPECT_EQ(fault({"cat"}, {"black cat"}), "");
  EXPECT_EQ(fault({""}), "decode.must: \"\" has no word in it");
  EXPECT_EQ(fault({}, {" !"}), "decode.must_not: \" !\" has no word in it");
  EXPECT_EQ(fault({"= dog"}), "decode.must: \"= dog\" has no word right behind its =");
}

TEST(Constraints, OfNothingAskForNothing) {
  const Constraints none;
  EXPECT_EQ(none.words(), 0);
  EXPECT_EQ(none.covered(said("a dog")), 0);
  EXPECT_THAT(none.wanted({}), IsEmpty());
  EXPECT_FALSE(none.forbids());
}

}  // namespace
}  // namespace attend
