#include "decode/beam.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <sstream>
#include <tuple>

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

/// Shows only one of the pictures, and must give that picture's captions.
class OnePicture : public RandomModel {
 public:
  OnePicture(int64_t pictures, int64_t words, int seed, int64_t picture)
      : RandomModel(pictures, words, seed), picture_(picture) {}
  int64_t start() override {
    RandomModel::start();
    RandomModel::reorder(torch::tensor({picture_}, torch::kInt64));
    return 1;
  }

 private:
  int64_t picture_;
};

TEST(Beam, GivesTheSameCaptionsWhateverTheBatch) {
  RandomModel together(6, 40, 3);
  DecodeOptions options;
  options.max_length = 10;
  options.n_best = 3;
  const auto all = beam_search(together, options);
  EXPECT_EQ(together.largest_rows, 30u);
  for (int64_t b = 0; b < 6; ++b) {
    OnePicture model(6, 40, 3, b);
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

/// A vocabulary of words w4, w5, … beside the special ones; none is a form of another.
Vocabulary numbered_words(int64_t words) {
  std::vector<std::string> list{"<pad>", "<start>", "<end>", "<unk>"};
  for (int64_t w = 4; w < words; ++w) list.push_back("w" + std::to_string(w));
  return Vocabulary(list);
}

Constraints constraints_of(const DecodeOptions& options, int64_t words) {
  return {options.must, options.must_not, options.max_length, numbered_words(words), "the model"};
}

bool holds(const std::vector<int64_t>& words, const std::vector<int64_t>& phrase) {
  return std::search(words.begin(), words.end(), phrase.begin(), phrase.end()) != words.end();
}

/// "w4 w5" → {4, 5}
std::vector<int64_t> numbers(const std::string& phrase) {
  std::vector<int64_t> list;
  std::istringstream parts(phrase);
  for (std::string part; parts >> part;) list.push_back(std::stoll(part.substr(1)));
  return list;
}

struct Wish {
  std::vector<std::string> must, must_not;
};

class ConstrainedBeam : public testing::TestWithParam<Wish> {};

TEST_P(ConstrainedBeam, EqualsBruteForceOverAllCaptionsThatHoldThePhrases) {
  constexpr int64_t kWords = 7, kPictures = 3;
  for (int seed = 0; seed < 5; ++seed) {
    RandomModel model(kPictures, kWords, seed);
    DecodeOptions options;
    options.max_length = 4;
    options.beam_width = 200;  // 3 + 9 + 27 + 81 captions and their ends
    options.n_best = 5;
    options.must = GetParam().must;
    options.must_not = GetParam().must_not;
    const auto found = beam_search(model, options, {}, constraints_of(options, kWords));
    for (int64_t b = 0; b < kPictures; ++b) {
      std::map<std::vector<int64_t>, double> all;
      std::vector<int64_t> said{Vocabulary::kStart};
      enumerate(model, b, kWords, options, said, 0, all);
      std::vector<std::pair<double, std::vector<int64_t>>> ranked;
      for (const auto& [words, log_probability] : all) {
        const auto inside = [&words](const std::string& phrase) { return holds(words, numbers(phrase)); };
        if (!std::all_of(options.must.begin(), options.must.end(), inside)) continue;
        if (std::any_of(options.must_not.begin(), options.must_not.end(), inside)) continue;
        ranked.push_back({-log_probability / std::pow(static_cast<double>(words.size()) + 1, 0.7), words});
      }
      std::sort(ranked.begin(), ranked.end());
      ASSERT_GT(ranked.size(), 0u);
      ASSERT_EQ(found[b].size(), std::min<size_t>(ranked.size(), 5));
      for (size_t i = 0; i < found[b].size(); ++i) {
        EXPECT_EQ(found[b][i].words, ranked[i].second) << "seed " << seed << " picture " << b << " rank " << i;
        EXPECT_NEAR(found[b][i].score, -ranked[i].first, 1e-5);
        EXPECT_TRUE(found[b][i].holds_all);
      }
    }
  }
}
INSTANTIATE_TEST_SUITE_P(Wishes, ConstrainedBeam,
                         testing::Values(Wish{{"w4"}, {}}, Wish{{"w4", "w6"}, {}}, Wish{{"w5 w6"}, {}},
                                         Wish{{"w4 w4"}, {}}, Wish{{"w4 w4 w5"}, {}}, Wish{{"w4 w5", "w5 w6"}, {}},
                                         Wish{{"w4 w5", "w5 w4"}, {}}, Wish{{}, {"w4"}}, Wish{{}, {"w4 w5", "w6"}},
                                         Wish{{"w4", "w5"}, {"w4 w5", "w6"}}));

TEST(Constraints, EveryCaptionOfAnyBeamHoldsThem) {
  constexpr int64_t kWords = 40;
  for (const int width : {1, 2, 4, 6}) {
    for (const int groups : {1, 2}) {
      if (width % groups != 0) continue;
      RandomModel model(6, kWords, width);
      DecodeOptions options;
      options.max_length = 9;
      options.beam_width = options.n_best = width;
      options.beam_groups = groups;
      options.diversity = groups > 1 ? 0.5 : 0;
      options.must = {"w7 w8 w7", "w20", "w30 w31"};
      options.must_not = {"w5", "w6", "w9 w10"};
      for (const auto& list : beam_search(model, options, {}, constraints_of(options, kWords))) {
        ASSERT_GE(list.size(), 1u);
        for (const auto& caption : list) {
          EXPECT_TRUE(caption.holds_all);
          EXPECT_LE(caption.words.size(), 9u);
          for (const auto& phrase : options.must) EXPECT_TRUE(holds(caption.words, numbers(phrase))) << phrase;
          for (const auto& phrase : options.must_not) EXPECT_FALSE(holds(caption.words, numbers(phrase))) << phrase;
          ASSERT_EQ(caption.alpha.size(0), static_cast<int64_t>(caption.words.size()));
          for (int64_t t = 0; t < caption.alpha.size(0); ++t)
            EXPECT_EQ(caption.alpha[t][0].item<float>(), static_cast<float>(t)) << "attention stays with its word";
        }
      }
    }
  }
}

TEST(Constraints, FillALengthThatIsJustEnough) {
  RandomModel model(4, 30, 2);
  DecodeOptions options;
  options.max_length = 3;
  options.must = {"w9", "w17", "w23"};
  for (const auto& list : beam_search(model, options, {}, constraints_of(options, 30))) {
    ASSERT_TRUE(list[0].holds_all);
    EXPECT_EQ(list[0].words.size(), 3u);
  }
}

TEST(Constraints, ACaptionThatCannotHoldThemSaysSo) {
  RandomModel model(2, 12, 3);
  DecodeOptions options;
  options.max_length = 5;
  options.must = {"w4 w4"};
  options.no_repeat_ngram = 1;
  for (const auto& list : beam_search(model, options, {}, constraints_of(options, 12))) {
    ASSERT_EQ(list.size(), 1u);
    EXPECT_FALSE(list[0].holds_all);
  }
}

/// Algorithm 1 of Vijayakumar et al. (2018) with Hamming diversity, word by word: a group's beams grow by the words with the greatest
/// sums of log-probabilities and diversity, and each that ends leaves the group with one beam less. The captions of each group.
std::vector<std::vector<std::vector<int64_t>>> diverse_reference(const RandomModel& model, int64_t picture,
                                                                 int64_t words, const DecodeOptions& options) {
  struct Beam {
    std::vector<int64_t> said;  // with <start>
    double objective;
  };
  struct Choice {
    double objective;
    size_t beam;
    int64_t word;
    bool operator<(const Choice& other) const {
      return std::tuple(-objective, beam, word) < std::tuple(-other.objective, other.beam, other.word);
    }
  };
  const auto groups = static_cast<size_t>(options.beam_groups);
  std::vector<std::vector<Beam>> live(groups, {{{Vocabulary::kStart}, 0}});
  std::vector<size_t> places(groups, static_cast<size_t>(options.beam_width) / groups);
  std::vector<std::vector<std::vector<int64_t>>> captions(groups);
  for (int t = 1; t <= options.max_length + 1; ++t) {
    std::vector<int64_t> chosen_before;
    for (size_t g = 0; g < groups; ++g) {
      std::vector<Choice> choices;
      for (size_t b = 0; b < live[g].size(); ++b) {
        const auto logits = model.row_logits(picture, live[g][b].said);
        for (int64_t w = Vocabulary::kEnd; w < words; ++w) {
          const bool possible = w == Vocabulary::kEnd ? t > options.min_length : w > 3 && t <= options.max_length;
          const auto hamming = static_cast<double>(std::count(chosen_before.begin(), chosen_before.end(), w));
          if (possible)
            choices.push_back({live[g][b].objective + log_softmax(logits, w) - options.diversity * hamming, b, w});
        }
      }
      std::sort(choices.begin(), choices.end());
      if (choices.size() > places[g]) choices.resize(places[g]);
      std::vector<Beam> grown;
      for (const auto& choice : choices) {
        auto said = live[g][choice.beam].said;
        chosen_before.push_back(choice.word);
        if (choice.word == Vocabulary::kEnd) {
          captions[g].emplace_back(said.begin() + 1, said.end());
          --places[g];
          continue;
        }
        said.push_back(choice.word);
        grown.push_back({said, choice.objective});
      }
      live[g] = grown;
    }
  }
  return captions;
}

TEST(DiverseBeam, EqualsItsAlgorithmWordByWord) {
  constexpr int64_t kWords = 25, kPictures = 4;
  for (const auto& [width, groups] : std::vector<std::pair<int, int>>{{2, 2}, {4, 2}, {6, 3}, {5, 5}, {9, 3}}) {
    for (const double diversity : {0.2, 0.9, 5.0}) {
      RandomModel model(kPictures, kWords, width);
      DecodeOptions options;
      options.max_length = 8;
      options.min_length = 2;
      options.beam_width = options.n_best = width;
      options.beam_groups = groups;
      options.diversity = diversity;
      const auto found = beam_search(model, options);
      for (int64_t b = 0; b < kPictures; ++b) {
        std::set<std::vector<int64_t>> expected, captions;
        for (const auto& group : diverse_reference(model, b, kWords, options))
          expected.insert(group.begin(), group.end());
        for (size_t i = 0; i < found[b].size(); ++i) {
          const auto& caption = found[b][i];
          captions.insert(caption.words);
          EXPECT_LE(caption.score, found[b][i > 0 ? i - 1 : 0].score) << "best first";
          // What it costs to be like the others is no part of the caption's own probability.
          double log_probability = 0;
          std::vector<int64_t> said{Vocabulary::kStart};
          for (size_t t = 0; t <= caption.words.size(); ++t) {
            const int64_t word = t < caption.words.size() ? caption.words[t] : Vocabulary::kEnd;
            log_probability += log_softmax(model.row_logits(b, said), word);
            said.push_back(word);
          }
          EXPECT_NEAR(caption.log_probability, log_probability, 1e-5);
          double sum = 0;
          for (const double word : caption.word_log_probability) sum += word;
          EXPECT_NEAR(sum, log_probability, 1e-5);
          EXPECT_EQ(caption.plain_word_log_probability, caption.word_log_probability);
        }
        EXPECT_EQ(captions, expected) << "width " << width << " groups " << groups << " diversity " << diversity;
        EXPECT_EQ(captions.size(), found[b].size()) << "each caption stands there once";
      }
    }
  }
}

TEST(DiverseBeam, ItsFirstGroupIsThePlainBeamOfThatWidth) {
  RandomModel model(5, 60, 4);
  DecodeOptions plain;
  plain.max_length = 10;
  plain.beam_width = plain.n_best = 2;
  const auto alone = beam_search(model, plain);
  DecodeOptions options = plain;
  options.beam_width = options.n_best = 6;
  options.beam_groups = 3;
  options.diversity = 0.7;
  const auto found = beam_search(model, options);
  for (size_t b = 0; b < found.size(); ++b)
    for (const auto& caption : alone[b])
      EXPECT_TRUE(std::any_of(found[b].begin(), found[b].end(), [&](const Hypothesis& other) {
        return other.words == caption.words && other.score == caption.score;
      }));
}

TEST(DiverseBeam, AFewBestAreTheBestOfAsManyGroups) {
  RandomModel model(5, 60, 8);
  DecodeOptions options;
  options.max_length = 10;
  options.beam_width = 6;
  options.n_best = options.beam_groups = 3;
  options.diversity = 100;  // no word at the place of another group's
  for (const auto& list : beam_search(model, options)) {
    ASSERT_EQ(list.size(), 3u);
    const std::set<int64_t> first{list[0].words[0], list[1].words[0], list[2].words[0]};
    EXPECT_EQ(first.size(), 3u);
  }
}

TEST(DiverseBeam, AndConstraintsGiveTheSameCaptionsWhateverTheBatch) {
  constexpr int64_t kWords = 40;
  DecodeOptions options;
  options.max_length = 8;
  options.beam_width = options.n_best = 4;
  options.beam_groups = 2;
  options.diversity = 0.5;
  options.must = {"w10", "w11 w12"};
  const auto constraints = constraints_of(options, kWords);
  RandomModel together(4, kWords, 5);
  const auto all = beam_search(together, options, {}, constraints);
  for (int64_t b = 0; b < 4; ++b) {
    OnePicture model(4, kWords, 5, b);
    const auto alone = beam_search(model, options, {}, constraints);
    ASSERT_EQ(alone[0].size(), all[b].size());
    for (size_t i = 0; i < all[b].size(); ++i) EXPECT_EQ(alone[0][i].words, all[b][i].words);
  }
}

TEST(Beam, RefusesOptionsThatContradictEachOther) {
  DecodeOptions options;
  options.min_length = 40;
  EXPECT_THROW(options.check(), UsageError);
  options = {};
  options.n_best = 6;
  EXPECT_THROW(options.check(), UsageError);
  const auto fault = [](int groups, double diversity, int n_best) -> std::string {
    DecodeOptions asked;
    asked.beam_width = 6;
    asked.beam_groups = groups, asked.diversity = diversity, asked.n_best = n_best;
    try {
      asked.check();
    } catch (const UsageError& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(fault(3, 0.5, 6), "");
  EXPECT_EQ(fault(4, 0.5, 6),
            "decode.beam_groups 4 doesn't divide decode.beam_width 6: all groups have equally many beams");
  EXPECT_NE(fault(12, 0.5, 6), "");
  EXPECT_NE(fault(3, 0, 6), "");
  EXPECT_NE(fault(1, 0.5, 6), "");
  EXPECT_NE(fault(3, 0.5, 1), "");
}

}  // namespace
}  // namespace attend
