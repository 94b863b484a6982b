#include "text/raw_caption.h"

#include <gtest/gtest.h>

namespace attend {
namespace {

std::string without_marks(std::string caption) {
  take_off_marks(caption);
  return caption;
}

TEST(TakeOffMarks, TakesThemOffBothEnds) {
  for (const char* marked :
       {"<start> a dog runs <end>", "<START>a dog runs<End>", "startseq a dog runs endseq", "<s> a dog runs </s>",
        "[CLS] a dog runs [SEP]", "<bos> a dog runs <eos> <pad> <pad>", "  <sos>  <start> a dog runs ",
        "<|startoftext|>a dog runs<|endoftext|>", "[BOS] a dog runs [EOS]", "#START# a dog runs #END#",
        "<go> a dog runs <stop>", "<start> a dog runs <end>.", "<start> a dog runs <end> ."}) {
    std::string caption = marked;
    EXPECT_TRUE(take_off_marks(caption)) << marked;
    EXPECT_EQ(caption, "a dog runs") << marked;
  }
  EXPECT_EQ(without_marks("<start> <end>"), "");
  EXPECT_EQ(without_marks("endseq"), "");
}

TEST(TakeOffMarks, LeavesEverythingElse) {
  for (const char* plain : {"a dog <start> runs", "startseqs run", "a tendseq", "<b> a dog </b>", "the end.", "go",
                            "start [here]", "a <unk> dog", " a dog ", ""}) {
    std::string caption = plain;
    EXPECT_FALSE(take_off_marks(caption)) << plain;
    EXPECT_EQ(caption, plain);
  }
}

TEST(HasWord, WantsALetterOrADigitOfAnyScript) {
  for (const char* text : {"a", "!7", "\u65e5\u672c"}) EXPECT_TRUE(has_word(text)) << text;
  for (const char* text : {"", " ", "... !?"}) EXPECT_FALSE(has_word(text)) << text;
}

}  // namespace
}  // namespace attend
