#include "text/detokenize.h"

#include <gtest/gtest.h>

#include "text/ptb_tokenizer.h"

namespace attend {
namespace {

TEST(Detokenize, JoinsWhatTheTokenizerTookApart) {
  EXPECT_EQ(detokenize({"the", "dog", "'s", "owner", "is", "n't", "here"}), "the dog's owner isn't here");
  EXPECT_EQ(detokenize({"they", "'re", "gon", "na", "win", "."}), "they're gonna win.");
  EXPECT_EQ(detokenize({"y'", "all", "'ll", "come"}), "y'all'll come");
  EXPECT_EQ(detokenize({"'t", "was", "5", "%", "of", "$", "20"}), "'twas 5% of $20");
}

TEST(Detokenize, WritesBracketsAndQuotesAsPeopleDo) {
  EXPECT_EQ(detokenize({"a", "sign", "-lrb-", "blue", "-rrb-", "says", "``", "stop", "''", "."}),
            "a sign (blue) says \"stop\".");
  EXPECT_EQ(detokenize({"a", "sign", "says", "''", "stop", "''", "twice"}), "a sign says \"stop\" twice");
  EXPECT_EQ(detokenize({"a", "`", "big", "'", "one", ":--rrb-"}), "a 'big' one :-)");
}

TEST(Detokenize, EmptyIsEmpty) {
  EXPECT_EQ(detokenize({}), "");
  EXPECT_EQ(detokenize({"", "dog", ""}), "dog");
}

TEST(Detokenize, BringsReadableTextBack) {
  for (const std::string text :
       {"a man isn't riding his friend's bike.", "two dogs, one of them black, run (fast); a child can't follow!",
        "she said \"hello\" and they'd've come", "1 1/2 cups at 3:30 p.m. for $5", "the 'small' one cost 10% more"}) {
    EXPECT_EQ(detokenize(ptb_tokenize(text + " ")), text);
  }
}

}  // namespace
}  // namespace attend
