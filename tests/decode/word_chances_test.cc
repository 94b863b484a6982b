#include "decode/word_chances.h"

#include <gtest/gtest.h>

#include "decode/random_model.h"
#include "text/vocabulary.h"

namespace attend {
namespace {

TEST(WordChances, AreTheLargestProbabilitiesOfAllStepsOfAGreedySearch) {
  constexpr int64_t kCount = 9;
  RandomModel model(3, kCount, 2);
  DecodeOptions decode;
  decode.beam_width = 1;
  decode.max_length = 4;
  const auto chances = word_chances(model, torch::tensor({4, 8, 5}, torch::kInt64), decode);  // [B, 3]
  ASSERT_EQ(chances.sizes(), (std::vector<int64_t>{3, 3}));
  RandomModel again(3, kCount, 2);
  const auto searched = beam_search(again, decode);
  for (int64_t b = 0; b < 3; ++b) {
    const auto& words = searched[static_cast<size_t>(b)][0].words;
    std::vector<int64_t> said{Vocabulary::kStart};
    std::vector<double> largest(3, -1e9);
    for (size_t t = 0; t <= words.size() && t < 4; ++t) {
      const auto logits = model.row_logits(b, said);
      for (size_t u = 0; u < 3; ++u)
        largest[u] = std::max(largest[u], log_softmax(logits, std::vector<int64_t>{4, 8, 5}[u]));
      if (t < words.size()) said.push_back(words[t]);
    }
    for (size_t u = 0; u < 3; ++u)
      EXPECT_NEAR(chances[b][static_cast<int64_t>(u)].item<double>(), largest[u], 1e-5) << b << " " << u;
  }
}

TEST(WordChances, OfWiderBeamsAreNeverLess) {
  RandomModel narrow(2, 9, 5), wide(2, 9, 5);
  DecodeOptions decode;
  decode.max_length = 5;
  decode.length_exponent = 0;
  const auto words = torch::arange(4, 9, torch::kInt64);  // [U]
  decode.beam_width = 1;
  const auto few = word_chances(narrow, words, decode);
  decode.beam_width = 1000;  // every caption
  const auto many = word_chances(wide, words, decode);
  EXPECT_TRUE(many.ge(few - 1e-6).all().item<bool>());
}

}  // namespace
}  // namespace attend
