#include "text/nearest_words.h"

#include <gtest/gtest.h>

namespace attend {
namespace {

TEST(NearestWords, AreOtherFormsAndSlipsOfThePen) {
  const Vocabulary vocabulary({"<pad>", "<start>", "<end>", "<unk>", "a", "dog", "puppy", "skateboard", "woman",
                               "board", "beard", "the", "riding"});
  const auto nearest =
      nearest_words({"puppies", "dogs", "women", "rides", "skatebord", "skateboarrd", "skaetboard", "skatebaord",
                     "boarb", "bxard", "zebra", "cat", "dig", "dog", "<unk>", "puppies", "skatbord"},
                    vocabulary);
  const NearestWords expected{{"puppies", "puppy"},         {"dogs", "dog"},
                              {"women", "woman"},           {"rides", "riding"},
                              {"skatebord", "skateboard"},  {"skateboarrd", "skateboard"},
                              {"skatebaord", "skateboard"}, {"skaetboard", "skateboard"},
                              {"boarb", "board"},           {"bxard", "board"}};
  EXPECT_EQ(nearest, expected);
}

}  // namespace
}  // namespace attend
