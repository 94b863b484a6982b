// `attend tokenize`, run as a user runs it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "app/run_command.h"

namespace attend::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(TokenizeCommand, WritesALineOfTokensForEachLine) {
  const std::string text = "A man's dog, it isn't big.\n\n...\nTwo boys";
  const auto kept = attend_command({"tokenize"}, {.input = text});
  EXPECT_EQ(kept.status, 0) << kept.err;
  EXPECT_EQ(kept.out, "a man 's dog it is n't big\n\n\ntwo boys\n");
  const auto all = attend_command({"tokenize", "--all"}, {.input = text});
  EXPECT_EQ(all.out, "a man 's dog , it is n't big .\n\n...\ntwo boys\n");
  EXPECT_EQ(attend_command({"tokenize"}, {.input = ""}).out, "");
}

TEST(TokenizeCommand, TakesAnyBytesAndKeepsTheNumberOfLines) {
  std::mt19937 random(4);
  std::string text(50000, ' ');
  for (auto& c : text) c = static_cast<char>(random());
  text.back() = '\n';
  const auto run = attend_command({"tokenize"}, {.input = text});
  EXPECT_EQ(run.status, 0) << run.err;
  EXPECT_EQ(std::count(run.out.begin(), run.out.end(), '\n'), std::count(text.begin(), text.end(), '\n'));
}

TEST(TokenizeCommand, RefusesWhatItDoesNotKnow) {
  const auto run = attend_command({"tokenize", "file.txt"});
  EXPECT_EQ(run.status, 2);
  EXPECT_THAT(run.err, HasSubstr("file.txt"));
  const auto full = attend_command({"tokenize"}, {.input = "a\n", .out_to = "/dev/full"});
  EXPECT_EQ(full.status, 1);
  EXPECT_THAT(full.err, HasSubstr("standard output"));
}

}  // namespace
}  // namespace attend::testing
