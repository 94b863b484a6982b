// B pictures · L grid cells · S input side · T words · N paths
#include "decode/forced.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <random>

#include "decode/ensemble.h"
#include "decode/random_model.h"
#include "text/word_families.h"

namespace attend {
namespace {

const std::vector<std::string> kWords{"<pad>", "<start>", "<end>", "<unk>", "a", "dog", "runs"};
const std::vector<int64_t> kCounts{0, 0, 20, 3, 30, 2, 0};

struct Kind {
  std::string kind = "soft", score = "additive", locations = "expected";
  double temperature = 1, frequency_exponent = 0, repetition_penalty = 0;
};

std::ostream& operator<<(std::ostream& out, const Kind& kind) {
  return out << kind.kind << " " << kind.score << " " << kind.locations << " at " << kind.temperature << ", "
             << kind.frequency_exponent;
}

/// A small captioner over a grid of 2 x 2 cells; the larger the scale of its weights, the less equally likely are its words.
Captioner small(const Kind& kind, int seed = 1, double scale = 4) {
  ModelOptions options;
  options.encoder.family = "efficientnet-lite0";
  options.encoder.input_size = 64;
  options.attention.kind = kind.kind;
  options.attention.score = kind.score;
  options.attention.size = 8;
  options.attention.heads = 2;
  options.attention.filters = 2;
  options.decoder.hidden_size = 12;
  options.decoder.embedding_size = 8;
  options.decoder.annotation_size = 12;
  torch::manual_seed(seed);
  Captioner captioner(options, Vocabulary(kWords, kCounts));
  const torch::NoGradGuard no_grad;
  for (auto& parameter : captioner.decoder->parameters()) parameter.mul_(scale);
  return captioner;
}

/// Some captioners that say each word together, over the same pictures.
struct Together {
  explicit Together(const Kind& kind, int count) {
    for (int m = 0; m < count; ++m) members.push_back(small(kind, 1 + m));
  }
  MeanWordModel over(const torch::Tensor& pictures, const DecodeOptions& options) {
    std::vector<std::unique_ptr<WordModel>> models;
    for (auto& member : members) models.push_back(make_word_model(member, member.annotate(pictures), options));
    return MeanWordModel(std::move(models), true);
  }
  std::vector<Captioner> members;
};

DecodeOptions decode_options(const Kind& kind) {
  DecodeOptions options;
  options.locations = kind.locations;
  options.temperature = kind.temperature;
  options.frequency_exponent = kind.frequency_exponent;
  options.repetition_penalty = kind.repetition_penalty;
  options.max_length = 6;
  options.n_best = 3;
  return options;
}

torch::Tensor pictures(int64_t count) {
  torch::manual_seed(11);
  return torch::randint(256, {count, 64, 64, 3}, torch::kUInt8);  // [B, S, S, 3]
}

std::vector<int64_t> ids_of(const Caption& caption) { return Vocabulary(kWords).encode(caption.words); }

TEST(ForcedCaptions, HaveTheLogProbabilitiesAndRanksOfBruteForce) {
  constexpr int64_t kCount = 12;
  RandomModel model(3, kCount, 4);
  std::mt19937 generator(1);
  std::vector<GivenWords> given;
  for (int i = 0; i < 40; ++i) {
    given.push_back({static_cast<int64_t>(generator() % 3), {}});
    for (auto n = generator() % 7; n > 0; --n) given.back().words.push_back(4 + static_cast<int64_t>(generator() % 8));
  }
  const auto forced = force_captions(model, given, {}, {});  // the length exponent is 0.7
  ASSERT_EQ(forced.size(), given.size());
  for (size_t i = 0; i < given.size(); ++i) {
    const auto& words = given[i].words;
    EXPECT_EQ(forced[i].words, words);
    ASSERT_EQ(forced[i].word_log_probability.size(), words.size() + 1);
    std::vector<int64_t> said{Vocabulary::kStart};
    double sum = 0;
    for (size_t t = 0; t <= words.size(); ++t) {
      const int64_t word = t < words.size() ? words[t] : int64_t{Vocabulary::kEnd};
      const auto logits = model.row_logits(given[i].picture, said);
      const double expected = log_softmax(logits, word);
      EXPECT_NEAR(forced[i].word_log_probability[t], expected, 1e-5);
      EXPECT_EQ(forced[i].plain_word_log_probability[t], forced[i].word_log_probability[t]);
      int64_t rank = 1, best = Vocabulary::kEnd;
      for (int64_t other = 0; other < kCount; ++other) {
        if (other == Vocabulary::kPad || other == Vocabulary::kStart || other == Vocabulary::kUnknown) continue;
        rank += logits[static_cast<size_t>(other)] > logits[static_cast<size_t>(word)];
        if (logits[static_cast<size_t>(other)] > logits[static_cast<size_t>(best)]) best = other;
      }
      EXPECT_EQ(forced[i].rank[t], rank);
      EXPECT_EQ(forced[i].likeliest[t], best);
      EXPECT_NEAR(forced[i].likeliest_log_probability[t], log_softmax(logits, best), 1e-5);
      sum += expected;
      said.push_back(word);
    }
    EXPECT_NEAR(forced[i].log_probability, sum, 1e-4);
    EXPECT_NEAR(forced[i].score, sum / std::pow(static_cast<double>(words.size() + 1), 0.7), 1e-4);
    EXPECT_NEAR(forced[i].perplexity(), std::exp(-sum / static_cast<double>(words.size() + 1)), 1e-4);
    ASSERT_EQ(forced[i].alpha.size(0), static_cast<int64_t>(words.size()));
    for (int64_t t = 0; t < forced[i].alpha.size(0); ++t)  // RandomModel's alpha tells steps apart
      EXPECT_EQ(forced[i].alpha[t][0].item<float>(), static_cast<float>(t));
  }
}

TEST(ForcedCaptions, ThatBeginAlikeAreWalkedTogetherAsFarAsTheyAre) {
  RandomModel model(2, 9, 1);
  const auto forced =
      force_captions(model, {{0, {4, 5, 6}}, {0, {4, 5, 7, 8}}, {0, {4, 5, 6}}, {1, {4}}, {1, {}}}, {}, {});
  EXPECT_EQ(model.rows_of_steps, (std::vector<size_t>{2, 2, 1, 2, 1}));
  EXPECT_EQ(forced[0].word_log_probability, forced[2].word_log_probability);
  EXPECT_EQ(forced[4].word_log_probability.size(), 1u);
}

TEST(ForcedCaptions, GiveNoMapsAndRanksThatAreNotWanted) {
  RandomModel model(1, 9, 1);
  ForceOptions options;
  options.maps = options.ranks = false;
  const auto forced = force_captions(model, {{0, {4, 5}}}, {}, options);
  EXPECT_FALSE(forced[0].alpha.defined());
  EXPECT_TRUE(forced[0].rank.empty() && forced[0].likeliest.empty());
  EXPECT_EQ(forced[0].word_log_probability, force_captions(model, {{0, {4, 5}}}, {}, {})[0].word_log_probability);
  EXPECT_TRUE(force_captions(model, {}, {}, options).empty());
}

class Forced : public testing::TestWithParam<Kind> {};

TEST_P(Forced, AlongItsOwnCaptionsAModelGivesThemWhatItsSearchGaveThem) {
  const torch::NoGradGuard no_grad;
  const auto batch = pictures(4);
  const auto options = decode_options(GetParam());
  const auto families = word_families(kWords);
  for (const int models : {1, 2}) {
    Together together(GetParam(), models);
    auto searched = together.over(batch, options), walked_model = together.over(batch, options);
    const auto captions = search_captions(searched, Vocabulary(kWords), options, families);
    std::vector<GivenWords> given;
    for (size_t b = 0; b < captions.size(); ++b)
      for (const auto& caption : captions[b]) given.push_back({static_cast<int64_t>(b), ids_of(caption)});
    const auto forced = force_captions(walked_model, given, options, {}, families);
    size_t at = 0;
    for (const auto& list : captions)
      for (const auto& caption : list) {
        const auto& walked = forced[at++];
        const size_t words = caption.word_log_probability.size();  // without <end> where nothing could follow
        const auto near = [](double a, double b) { EXPECT_NEAR(a, b, 1e-5 * std::max(1.0, std::abs(a))); };
        near(std::accumulate(walked.word_log_probability.begin(),
                             walked.word_log_probability.begin() + static_cast<long>(words), 0.0),
             caption.log_probability);
        for (size_t t = 0; t < words; ++t) {
          near(walked.word_log_probability[t], caption.word_log_probability[t]);
          near(walked.plain_word_log_probability[t], caption.plain_word_log_probability[t]);
        }
        // Products over all pictures at once round otherwise on another number of rows; the kernel of additive scores doesn't.
        if (GetParam().score == "additive" || GetParam().kind == "none")
          EXPECT_TRUE(torch::equal(walked.alpha, caption.alpha)) << (walked.alpha - caption.alpha).abs().max();
        else
          EXPECT_TRUE(torch::allclose(walked.alpha, caption.alpha, 1e-6, 1e-6));
        EXPECT_EQ(walked.locations, caption.locations);
        const auto again = caption_of(walked, Vocabulary(kWords));
        EXPECT_EQ(again.text, caption.text);
        EXPECT_EQ(again.words, caption.words);
      }
  }
}

TEST_P(Forced, ACaptionIsTheSameWhateverStandsBesideIt) {
  const torch::NoGradGuard no_grad;
  auto captioner = small(GetParam());
  const auto annotations = captioner.annotate(pictures(3));
  const auto options = decode_options(GetParam());
  const std::vector<GivenWords> given{{2, {4, 5, 6}}, {0, {5}}, {1, {4, 4, 4, 6, 6, 5, 5}}, {2, {4, 5, 5}}, {0, {}}};
  const auto walk = [&](const torch::Tensor& over, const std::vector<GivenWords>& captions) {
    return force_captions(*make_word_model(captioner, over, options), captions, options, {}, word_families(kWords));
  };
  const auto together = walk(annotations, given);
  for (size_t i = 0; i < given.size(); ++i) {
    const auto alone = walk(annotations.narrow(0, given[i].picture, 1), {{0, given[i].words}})[0];
    EXPECT_NEAR(alone.log_probability, together[i].log_probability,
                1e-5 * std::max(1.0, std::abs(alone.log_probability)));
    EXPECT_TRUE(torch::allclose(alone.alpha, together[i].alpha, 1e-5, 1e-6));
    EXPECT_EQ(alone.rank, together[i].rank);
    EXPECT_EQ(alone.likeliest, together[i].likeliest);
  }
}

TEST(ForcedCaptions, RanksWordsByWhatRepetitionLeavesOfThem) {
  const std::vector<int32_t> families{-1, -1, -1, -1, -1, 0, 0, 1};
  RandomModel model(1, 8, 3);
  DecodeOptions decode;
  decode.repetition_penalty = 1.3;
  const std::vector<int64_t> words{5, 6, 4, 4, 7, 6};
  const auto forced = force_captions(model, {{0, words}}, decode, {}, families)[0];
  std::vector<int64_t> said{Vocabulary::kStart};
  for (size_t t = 0; t < words.size(); ++t) {
    auto weighed = model.row_logits(0, said);
    const double plain = log_softmax(weighed, words[t]);
    for (size_t w = 0; w < weighed.size(); ++w)
      for (size_t before = 0; before < t; ++before)
        if (families[w] >= 0 && families[w] == families[static_cast<size_t>(words[before])]) weighed[w] -= 1.3f;
    const double penalty =
        model.row_logits(0, said)[static_cast<size_t>(words[t])] - weighed[static_cast<size_t>(words[t])];
    EXPECT_NEAR(forced.plain_word_log_probability[t], plain, 1e-5);
    EXPECT_NEAR(forced.word_log_probability[t], plain - penalty, 1e-5);
    int64_t rank = 1, best = Vocabulary::kEnd;
    for (const int64_t other : {2, 4, 5, 6, 7}) {
      rank += weighed[static_cast<size_t>(other)] > weighed[static_cast<size_t>(words[t])] + 1e-6;
      if (weighed[static_cast<size_t>(other)] > weighed[static_cast<size_t>(best)] + 1e-6) best = other;
    }
    EXPECT_EQ(forced.rank[t], rank);
    EXPECT_EQ(forced.likeliest[t], best);
    said.push_back(words[t]);
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, Forced,
                         testing::Values(Kind{}, Kind{"soft", "additive", "expected", 0.6, 0.4, 1.3},
                                         Kind{"soft", "dot"}, Kind{"soft", "general"}, Kind{"soft", "multi_head"},
                                         Kind{"soft", "gaussian"}, Kind{"none"}, Kind{"hard"},
                                         Kind{"hard", "additive", "argmax"}, Kind{"hard", "additive", "argmax", 2, 0.3},
                                         Kind{"soft", "convolutional"}, Kind{"soft", "attentive_reader"},
                                         Kind{"soft", "impatient_reader"}, Kind{"hard", "convolutional", "argmax"},
                                         Kind{"hard", "impatient_reader", "argmax"}));

/// The probability of `words` and <end> by summing over all paths of cells, at a temperature.
double marginal(Captioner& captioner, const Memory& memory, const DecoderState& state,
                const std::vector<int64_t>& words, size_t t, double temperature) {
  double sum = 0;
  const int64_t before = t == 0 ? int64_t{Vocabulary::kStart} : words[t - 1];
  const int64_t word = t < words.size() ? words[t] : int64_t{Vocabulary::kEnd};
  for (int64_t cell = 0; cell < memory.annotations.size(1); ++cell) {
    const auto step = captioner.decoder->step(memory, state, torch::tensor({before}), torch::tensor({int64_t{0}}),
                                              torch::tensor({cell}));
    const double here =
        step.alpha[0][cell].item<double>() * (step.logits[0] / temperature).softmax(0)[word].item<double>();
    sum += here * (t == words.size() ? 1 : marginal(captioner, memory, step.state, words, t + 1, temperature));
  }
  return sum;
}

TEST(ForcedCaptions, OverManySampledPathsComeToTheSumOverAllPaths) {
  for (const double temperature : {1.0, 1.7}) {
    const Kind kind{"hard", "additive", "sampled", temperature};
    const torch::NoGradGuard no_grad;
    auto alone = small(kind, 1, 1.5);
    const auto annotations = alone.annotate(pictures(2));
    ForceOptions options;
    options.paths = 20000;
    const std::vector<GivenWords> given{{0, {5, 6}}, {1, {4}}, {1, {4, 6}}};
    torch::manual_seed(3);
    const auto decode = decode_options(kind);
    const auto forced = force_captions(*make_word_model(alone, annotations, decode), given, decode, options);
    for (size_t i = 0; i < given.size(); ++i) {
      const auto memory = alone.decoder->remember(annotations.narrow(0, given[i].picture, 1));
      const auto state = alone.decoder->start(memory);
      EXPECT_NEAR(forced[i].log_probability, std::log(marginal(alone, memory, state, given[i].words, 0, temperature)),
                  0.03);
      const auto& plain = forced[i].plain_word_log_probability;
      EXPECT_NEAR(std::accumulate(plain.begin(), plain.end(), 0.0),
                  std::log(marginal(alone, memory, state, given[i].words, 0, 1)), 0.03);
      EXPECT_NEAR(forced[i].alpha.sum().item<double>(), static_cast<double>(given[i].words.size()), 1e-4);
      EXPECT_EQ(forced[i].locations, std::vector<int64_t>(given[i].words.size(), -1));
    }
  }
}

TEST(ForcedCaptions, OverSampledPathsOfWordsThatAreCertainOfTheirPictureVaryNotAtAll) {
  RandomModel model(2, 9, 1);  // has no cells: every path is the same
  PathsWordModel paths(model, 7);
  const std::vector<GivenWords> given{{1, {4, 5, 8}}, {0, {7}}, {1, {4, 6}}};
  const auto many = force_captions(paths, given, {}, {});
  const auto one = force_captions(model, given, {}, {});
  for (size_t i = 0; i < given.size(); ++i) {
    EXPECT_NEAR(many[i].log_probability, one[i].log_probability, 1e-5);
    EXPECT_EQ(many[i].rank, one[i].rank);
    EXPECT_TRUE(torch::allclose(many[i].alpha, one[i].alpha));
  }
}

TEST(GivenCaption, KeepsTheWordsThatTheModelKnowsAndNamesTheOthers) {
  const Vocabulary vocabulary(kWords);
  const auto given = given_caption("A Dog, quickly, runs <end>.", vocabulary);
  EXPECT_EQ(given.text, "A Dog, quickly, runs <end>.");
  EXPECT_EQ(given.words(), (std::vector<int64_t>{4, 5, 6}));
  ASSERT_EQ(given.ids.size(), given.tokens.size());
  size_t unknown = 0;
  for (size_t i = 0; i < given.ids.size(); ++i) unknown += given.ids[i] == Vocabulary::kUnknown;
  EXPECT_EQ(given.unknown().size(), unknown);
  EXPECT_GE(unknown, 2u);  // "quickly" and the mark, which isn't the model's <end>
  EXPECT_TRUE(given_caption("…", vocabulary).words().empty());
  EXPECT_EQ(given_caption("\xe4\xb8\x80\xe5\x8f\xaa\xe7\x8b\x97", vocabulary).unknown().size(), 1u);
}

}  // namespace
}  // namespace attend
