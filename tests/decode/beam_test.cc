#include "decode/beam.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "base/error.h"
#include "decode/random_model.h"
#include "text/vocabulary.h"

namespace attend {
namespace {

/// Every caption of min..max words over the words 4…V-1, with its log-probability, by plain recursion.
void enumerate(const RandomModel& model, int64_t picture, int64_t words, const DecodeOptions& options,
               std::vector<int64_t>& said, double log_probability, std::map<std::vector<int64_t>, double>& all) {
  const auto logits = model.row_logits(picture, said);
  const int length = static_cast<int>(said.size()) - 1;
  if (length >= options.min_length)
    all[{said.begin() + 1, said.end()}] = log_probability + log_softmax(logits, Vocabulary::kEnd);
  if (length == options.max_length) return;
  for (int64_t w = 4; w < words; ++w) {
    said.push_back(w);
    enumerate(model, picture, words, options, said, log_probability + log_softmax(logits, w), all);
    said.pop_back();
  }
}

TEST(BeamSearch, TakesThePenaltyOffEveryRepetition) {
  constexpr int64_t kWords = 8, kPictures = 3;
  const std::vector<int32_t> families{-1, -1, -1, -1, -1, 0, 0, 1};  // 5 and 6 are forms of one word, 4 may be repeated
  for (int seed = 0; seed < 5; ++seed) {
    RandomModel model(kPictures, kWords, seed);
    DecodeOptions options;
    options.length_exponent = 0.5;
    options.max_length = 4;
    options.beam_width = 400;  // 4 + 16 + 64 + 256 captions and their ends
    options.n_best = 8;
    options.repetition_penalty = 1.3;
    const auto found = beam_search(model, options, families);
    for (int64_t b = 0; b < kPictures; ++b) {
      std::map<std::vector<int64_t>, double> all;
      std::vector<int64_t> said{Vocabulary::kStart};
      enumerate(model, b, kWords, options, said, 0, all);
      std::vector<std::pair<double, std::vector<int64_t>>> ranked;
      for (const auto& [words, log_probability] : all) {
        double penalties = 0;
        for (size_t i = 0; i < words.size(); ++i)
          for (size_t j = 0; j < i; ++j)
            penalties += families[words[i]] >= 0 && families[words[i]] == families[words[j]];
        const double left = log_probability - 1.3 * penalties;
        ranked.push_back({-left / std::pow(static_cast<double>(words.size()) + 1, 0.5), words});
      }
      std::sort(ranked.begin(), ranked.end());
      ASSERT_EQ(found[b].size(), 8u);
      for (int i = 0; i < 8; ++i) {
        EXPECT_EQ(found[b][i].words, ranked[i].second) << "seed " << seed << " picture " << b << " rank " << i;
        EXPECT_NEAR(found[b][i].score, -ranked[i].first, 1e-5);
        double plain = 0;
        for (const double word : found[b][i].plain_word_log_probability) plain += word;
        EXPECT_NEAR(plain, all[found[b][i].words], 1e-5) << "the model's own has no penalty in it";
      }
    }
  }
}

class WideBeam : public testing::TestWithParam<double> {};

TEST_P(WideBeam, EqualsBruteForceOverAllCaptions) {
  constexpr int64_t kWords = 7, kPictures = 3;
  for (int seed = 0; seed < 5; ++seed) {
    RandomModel model(kPictures, kWords, seed);
    DecodeOptions options;
    options.length_exponent = GetParam();
    options.max_length = 4;
    options.min_length = seed % 3;
    options.beam_width = 200;  // 3 + 9 + 27 + 81 captions and their ends
    options.n_best = 5;
    const auto found = beam_search(model, options);
    ASSERT_EQ(found.size(), kPictures);
    for (int64_t b = 0; b < kPictures; ++b) {
      std::map<std::vector<int64_t>, double> all;
      std::vector<int64_t> said{Vocabulary::kStart};
      enumerate(model, b, kWords, options, said, 0, all);
      std::vector<std::pair<double, std::vector<int64_t>>> ranked;
      for (const auto& [words, log_probability] : all)
        ranked.push_back({-log_probability / std::pow(static_cast<double>(words.size()) + 1, GetParam()), words});
      std::sort(ranked.begin(), ranked.end());
      ASSERT_EQ(found[b].size(), 5u);
      for (int i = 0; i < 5; ++i) {
        EXPECT_EQ(found[b][i].words, ranked[i].second) << "seed " << seed << " picture " << b << " rank " << i;
        EXPECT_NEAR(found[b][i].score, -ranked[i].first, 1e-5);
        EXPECT_NEAR(found[b][i].log_probability, all[found[b][i].words], 1e-5);
      }
    }
  }
}
INSTANTIATE_TEST_SUITE_P(LengthExponents, WideBeam, testing::Values(0.0, 0.7, 1.0, 2.0));

TEST(Beam, OfWidthOneIsGreedy) {
  for (int seed = 0; seed < 20; ++seed) {
    RandomModel model(2, 30, seed);
    DecodeOptions options;
    options.beam_width = 1;
    options.max_length = 12;
    const auto found = beam_search(model, options);
    for (int64_t b = 0; b < 2; ++b) {
      std::vector<int64_t> said{Vocabulary::kStart};
      for (;;) {
        auto logits = model.row_logits(b, said);
        for (const int64_t word : {Vocabulary::kPad, Vocabulary::kStart, Vocabulary::kUnknown}) logits[word] = -1e9f;
        const int length = static_cast<int>(said.size());
        if (length <= options.min_length) logits[Vocabulary::kEnd] = -1e9f;
        const int64_t word = std::max_element(logits.begin(), logits.end()) - logits.begin();
        if (word == Vocabulary::kEnd || length > options.max_length) break;
        said.push_back(word);
      }
      EXPECT_EQ(found[b][0].words, std::vector<int64_t>(said.begin() + 1, said.end()));
    }
  }
}

TEST(Beam, GivesTheSameCaptionsWhateverTheBatch) {
  RandomModel together(6, 40, 3);
  DecodeOptions options;
  options.max_length = 10;
  options.n_best = 3;
  const auto all = beam_search(together, options);
  EXPECT_EQ(together.largest_rows, 30u);
  // A model that shows only one of the pictures must give that picture's captions.
  class One : public RandomModel {
   public:
    One(int64_t picture) : RandomModel(6, 40, 3), picture_(picture) {}
    int64_t start() override {
      RandomModel::start();
      RandomModel::reorder(torch::tensor({picture_}, torch::kInt64));
      return 1;
    }
    int64_t picture_;
  };
  for (int64_t b = 0; b < 6; ++b) {
    One model(b);
    const auto alone = beam_search(model, options);
    ASSERT_EQ(alone[0].size(), all[b].size());
    for (size_t i = 0; i < all[b].size(); ++i) EXPECT_EQ(alone[0][i].words, all[b][i].words);
  }
}

TEST(Beam, KeepsAWordsAttentionWithItsOwnHypothesis) {
  RandomModel model(2, 20, 9);
  DecodeOptions options;
  options.max_length = 8;
  for (const auto& list : beam_search(model, options)) {
    const auto& alpha = list[0].alpha;  // [T, 1]: the number of words said before
    ASSERT_EQ(alpha.size(0), static_cast<int64_t>(list[0].words.size()));
    for (int64_t t = 0; t < alpha.size(0); ++t) EXPECT_EQ(alpha[t][0].item<float>(), static_cast<float>(t));
    double sum = 0;
    for (const double word : list[0].word_log_probability) sum += word;
    EXPECT_NEAR(sum, list[0].log_probability, 1e-6);
  }
}

TEST(Beam, HoldsMinimumAndMaximumLength) {
  RandomModel model(20, 12, 5);
  DecodeOptions options;
  options.min_length = 4;
  options.max_length = 6;
  for (const auto& list : beam_search(model, options)) {
    EXPECT_GE(list[0].words.size(), 4u);
    EXPECT_LE(list[0].words.size(), 6u);
  }
}

TEST(Beam, SaysNoRunOfWordsTwice) {
  for (const int n : {1, 2, 3}) {
    RandomModel model(10, 7, 2);
    DecodeOptions options;
    options.min_length = n == 1 ? 1 : 6;
    options.max_length = 12;
    options.no_repeat_ngram = n;
    for (const auto& list : beam_search(model, options)) {
      const auto& words = list[0].words;
      std::map<std::vector<int64_t>, int> count;
      for (size_t i = 0; i + n <= words.size(); ++i) {
        const std::vector<int64_t> run(words.begin() + i, words.begin() + i + n);
        EXPECT_EQ(++count[run], 1);
      }
    }
  }
}

TEST(Beam, AlwaysGivesACaptionEvenWhenNothingMayFollow) {
  RandomModel model(1, 6, 1);  // two words that can be said
  DecodeOptions options;
  options.no_repeat_ngram = 1;
  options.min_length = 5;
  const auto found = beam_search(model, options);
  ASSERT_EQ(found[0].size(), 1u);
  EXPECT_EQ(found[0][0].words.size(), 2u);
}

TEST(Beam, BreaksTiesByBeamAndThenByWord) {
  RandomModel model(1, 8, 1);
  model.flat = true;
  DecodeOptions options;
  options.beam_width = 2;
  options.min_length = 2;
  options.max_length = 2;
  const auto found = beam_search(model, options);
  EXPECT_EQ(found[0][0].words, (std::vector<int64_t>{4, 4}));
}

TEST(Beam, RefusesOptionsThatContradictEachOther) {
  DecodeOptions options;
  options.min_length = 40;
  EXPECT_THROW(options.check(), UsageError);
  options = {};
  options.n_best = 6;
  EXPECT_THROW(options.check(), UsageError);
}

}  // namespace
}  // namespace attend
