// V words in the vocabulary · P parameters, all entries in one row
#include "train/self_critical.h"

#include <gtest/gtest.h>

#include <cmath>

#include "metrics/bleu.h"

namespace attend {
namespace {

const std::vector<std::vector<Tokens>> kReferences = {
    {{"a", "dog"}, {"a", "dog", "runs"}}, {{"red", "a"}, {"dog"}}, {{"a", "a"}, {"runs", "red"}}};

/// A decoder of a few dozen weights, and every caption it can say.
struct Tiny {
  static constexpr int kMaxLength = 2;
  static constexpr int64_t kCells = 4;
  const bool hard;
  Vocabulary vocabulary{{"<pad>", "<start>", "<end>", "<unk>", "a", "dog"}};
  DecoderOptions options;
  std::shared_ptr<Decoder> decoder;
  torch::Tensor annotations;  // [1, L, D]
  std::vector<Sample> captions;

  explicit Tiny(const std::string& kind = "soft") : hard(kind == "hard") {
    options.hidden_size = 3;
    options.embedding_size = 3;
    options.dropout = 0.5;
    AttentionOptions attention;
    attention.kind = kind;
    attention.size = 2;
    torch::manual_seed(11);
    decoder = std::make_shared<Decoder>(options, attention, 3, vocabulary.size());
    annotations = torch::randn({1, kCells, 3});  // [1, L, D]
    captions = {{{}, true}};
    for (const int64_t first : {4, 5}) {
      captions.push_back({{first}, true});
      for (const int64_t second : {4, 5}) captions.push_back({{first, second}, false});
    }
  }

  std::vector<double> rewards(size_t picture, double bleu) const {
    std::vector<Reward::Candidate> candidates;
    for (const auto& caption : captions) {
      Tokens words;
      for (const int64_t word : caption.words) words.push_back(vocabulary.word(word));
      candidates.push_back({words, caption.ended});
    }
    return Reward(kReferences, {bleu, 0}, nullptr).of(picture, candidates);
  }

  /// All gradients in one row, and none left.
  torch::Tensor take_gradient() const {
    std::vector<torch::Tensor> parts;
    for (auto& parameter : decoder->parameters()) {
      parts.push_back((parameter.grad().defined() ? parameter.grad() : torch::zeros_like(parameter)).flatten());
      parameter.mutable_grad() = torch::Tensor();
    }
    return torch::cat(parts).to(torch::kDouble);  // [P]
  }

  /// The probability of drawing words[at], …, words.back() in this state: with hard attention, over all cells that may be
  /// looked at before each.
  torch::Tensor probability(const Memory& memory, const DecoderState& state, const std::vector<int64_t>& words,
                            size_t at, double temperature) const {
    if (at == words.size()) return torch::ones({});                                              // []
    const auto before = torch::tensor({at == 0 ? int64_t{Vocabulary::kStart} : words[at - 1]});  // [1]
    torch::Tensor sum = torch::zeros({});                                                        // []
    for (int64_t cell = hard ? 0 : -1; cell < (hard ? kCells : 0); ++cell) {
      const auto step = decoder->step(memory, state, before, torch::zeros({1}, torch::kInt64), torch::tensor({cell}));
      const auto logits = step.logits[0] / temperature;                                 // [V]
      const auto sayable = logits.index_select(0, torch::tensor({2, 4, 5}));            // [3]
      auto drawn = (logits[words[at]] - sayable.logsumexp(0)).exp();                    // []
      if (hard) drawn = drawn * step.alpha[0][cell];                                    // []
      sum = sum + drawn * probability(memory, step.state, words, at + 1, temperature);  // []
    }
    return sum;
  }

  /// Of the expected reward, by the probability of every caption word by word.
  torch::Tensor exact_gradient(size_t picture, double bleu, double temperature) {
    decoder->eval();
    const auto memory = decoder->remember(annotations);
    const auto reward = rewards(picture, bleu);
    torch::Tensor expected = torch::zeros({}), all = torch::zeros({});  // [] each
    for (size_t i = 0; i < captions.size(); ++i) {
      auto words = captions[i].words;
      if (captions[i].ended) words.push_back(Vocabulary::kEnd);
      const auto drawn = probability(memory, decoder->start(memory), words, 0, temperature);  // []
      all = all + drawn;
      expected = expected + reward[i] * drawn;
    }
    EXPECT_NEAR(all.item<double>(), 1, 1e-5);
    expected.backward();
    return take_gradient();
  }
};

struct Case {
  const char* baseline;
  double bleu, temperature;
  const char* kind = "soft";
};

class Estimator : public testing::TestWithParam<Case> {};

TEST_P(Estimator, MeanOverManySamplesIsTheGradientOfTheExpectedReward) {
  at::set_num_threads(1);
  const auto [baseline, bleu, temperature, kind] = GetParam();
  constexpr size_t kPicture = 0;
  Tiny tiny(kind);
  TrainOptions options;
  options.reward_baseline = baseline;
  options.reward_samples = 3;
  options.reward_temperature = temperature;
  options.label_smoothing = 0.1;                                        // has no say here
  const auto exact = tiny.exact_gradient(kPicture, bleu, temperature);  // [P]
  ASSERT_GT(exact.norm().item<double>(), 0.05);

  const SelfCritical self_critical({kReferences, {bleu, 0}, nullptr}, tiny.vocabulary, options, Tiny::kMaxLength, 1);
  constexpr int kRounds = 400, kCopies = 32;
  const auto batch = tiny.annotations.expand({kCopies, -1, -1});  // [B, L, D]
  std::vector<torch::Tensor> gradients;
  torch::manual_seed(5);
  for (int round = 0; round < kRounds; ++round) {
    self_critical.step(*tiny.decoder, batch, std::vector<size_t>(kCopies, kPicture)).loss.backward();
    gradients.push_back(-tiny.take_gradient());
  }
  const auto all = torch::stack(gradients);                                 // [rounds, P]
  const auto error = all.std(0) / std::sqrt(static_cast<double>(kRounds));  // [P]
  const auto varies = error > 1e-12;                                        // [P]
  const auto z = ((all.mean(0) - exact) / error).masked_select(varies);     // [P'], standard normal if unbiased
  ASSERT_GT(z.size(0), 50);
  EXPECT_LT(z.abs().max().item<double>(), 4.5);
  EXPECT_LT((all.mean(0) - exact).norm().item<double>(), 0.1 * exact.norm().item<double>());
  EXPECT_LT((all.mean(0) - exact).masked_select(~varies).abs().sum().item<double>(), 1e-6);
}

INSTANTIATE_TEST_SUITE_P(SelfCritical, Estimator,
                         testing::Values(Case{"mean", 0, 1}, Case{"greedy", 0, 1}, Case{"mean", 0.5, 0.7},
                                         Case{"mean", 0, 1, "hard"}, Case{"greedy", 0, 1, "hard"}));

TEST(SelfCritical, SaysWhatItSampled) {
  Tiny tiny;
  TrainOptions options;
  options.reward_baseline = "greedy";
  const SelfCritical self_critical({kReferences, {}, nullptr}, tiny.vocabulary, options, 6, 2);
  const auto batch = tiny.annotations.expand({3, -1, -1});  // [B, L, D]
  const auto done = self_critical.step(*tiny.decoder, batch, {0, 1, 2});
  EXPECT_EQ(done.words, std::lround((done.sampled_length + 1) * 15));
  EXPECT_GT(done.sampled_reward, 0);
  EXPECT_FALSE(tiny.decoder->is_training());
}

TEST(SelfCritical, ScoresWhatItSaysOfMirroredPicturesTheOtherWayRound) {
  Tiny tiny;
  const Vocabulary vocabulary{{"<pad>", "<start>", "<end>", "<unk>", "left", "right"}};
  TrainOptions options;
  options.reward_samples = 40;
  const auto reward = [&](const Tokens& reference, const std::vector<bool>& mirrored) {
    const SelfCritical self_critical({{{reference}, {{"a"}}, {{"dog"}}}, {}, nullptr}, vocabulary, options, 1, 1);
    torch::manual_seed(5);
    return self_critical.step(*tiny.decoder, tiny.annotations, {0}, mirrored).sampled_reward;
  };
  const double left = reward({"left"}, {}), right = reward({"right"}, {});
  EXPECT_NE(left, right);
  EXPECT_EQ(reward({"left"}, {false}), left);
  EXPECT_EQ(reward({"left"}, {true}), right);
  EXPECT_EQ(reward({"right"}, {true}), left);
}

TEST(Reward, OfACaptionThatBreaksOffIsBelowThatOfOneThatEnds) {
  const Reward reward({{{"a", "dog", "on", "a", "beach"}, {"a", "dog", "runs", "on", "a", "beach"}},
                       {{"two", "men"}, {"men", "in", "a", "boat"}},
                       {{"a", "red", "car"}}},
                      {}, nullptr);
  const auto of = [&](Tokens words, bool ended) {
    return reward.of(0, std::vector<Reward::Candidate>{{words, ended}})[0];
  };
  EXPECT_GT(of({"a", "dog", "on", "a", "beach"}, true), of({"a", "dog", "on", "a", "beach"}, false));
  EXPECT_LT(of({"a", "dog", "on", "a"}, true), of({"a", "dog", "on", "a"}, false));
}

TEST(Reward, AddsBleuByItsWeight) {
  const Tokens caption = {"a", "dog", "runs", "red"};
  const std::vector<Reward::Candidate> candidates = {{caption, true}, {{}, true}};
  const auto plain = Reward(kReferences, {}, nullptr).of(0, candidates);
  const auto with = Reward(kReferences, {0.5, 0}, nullptr).of(0, candidates);
  // One to four words with their end, of five, four, three and two n-grams: common are a, dog, runs, <end>; a dog, dog
  // runs; a dog runs; none. One is added to all but the first.
  const double bleu = std::pow(4.0 / 5 * 3 / 5 * 2 / 4 * 1 / 3, 0.25);
  EXPECT_NEAR(with[0] - plain[0], 0.5 * bleu, 1e-9);
  // The empty caption: its <end> alone is common, one word to three.
  EXPECT_NEAR(with[1] - plain[1], 0.5 * std::exp(1 - 3.0 / 1), 1e-9);
}

TEST(Reward, AddsMeteorOfTheWordsByItsWeight) {
  const std::vector<Reward::Candidate> candidates = {{{"a", "dog", "running"}, true}, {{"dogs"}, false}, {{}, true}};
  const auto plain = Reward(kReferences, {}, nullptr).of(0, candidates);
  const auto with = Reward(kReferences, {0, 2}, nullptr).of(0, candidates);
  for (size_t i = 0; i < candidates.size(); ++i) {
    const std::vector<CaptionPair> pair = {{candidates[i].words, kReferences[0]}};
    const double meteor = meteor_scores(Meteor(nullptr).count(pair, 1)).corpus;
    EXPECT_NEAR(with[i] - plain[i], 2 * meteor, 1e-12);
    EXPECT_EQ(meteor > 0, i < 2);
  }
}

}  // namespace
}  // namespace attend
