// B pictures · M captioners · L grid cells · S input side
#include "decode/ensemble.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <numeric>
#include <tuple>

#include "base/error.h"

namespace attend {
namespace {

const std::vector<std::string> kWords{"<pad>", "<start>", "<end>", "<unk>", "a", "dog", "runs"};
const std::vector<int64_t> kCounts{0, 0, 20, 3, 30, 2, 0};

/// A small captioner, another for each seed, whose words are far from equally likely.
Captioner small(int seed, int input_size = 64, const std::string& resize = "squash",
                const std::vector<std::string>& words = kWords) {
  ModelOptions options;
  options.encoder.family = "efficientnet-lite0";
  options.encoder.input_size = input_size;
  options.encoder.resize = resize;
  options.attention.size = 8;
  options.decoder.hidden_size = 12;
  options.decoder.embedding_size = 8;
  options.decoder.annotation_size = 10;
  torch::manual_seed(seed);
  Captioner captioner(options, Vocabulary(words, words == kWords ? kCounts : std::vector<int64_t>()));
  const torch::NoGradGuard no_grad;
  for (auto& parameter : captioner.decoder->parameters()) parameter.mul_(4);
  return captioner;
}

Ensemble together(Captioner a, Captioner b) {
  std::vector<Captioner> captioners;
  captioners.push_back(std::move(a));
  captioners.push_back(std::move(b));
  return Ensemble(std::move(captioners), {"a.safetensors", "b.safetensors"});
}

torch::Tensor pictures(int64_t count, int64_t side) {
  torch::manual_seed(11);
  return torch::randint(256, {count, side, side, 3}, torch::kUInt8);  // [B, S, S, 3]
}

/// The probabilities of every word of `said` and of <end>, one after the other, as the captioner gives them by itself,
/// and where it looked: a row a word.
struct Told {
  std::vector<torch::Tensor> probabilities;  // [V] each
  std::vector<torch::Tensor> alphas;         // [L] each
};

Told tell(Captioner& captioner, const torch::Tensor& picture, const std::vector<int64_t>& said,
          const DecodeOptions& options = {}) {
  const torch::NoGradGuard no_grad;
  const auto memory = captioner.decoder->remember(captioner.annotate(picture));
  auto state = captioner.decoder->start(memory);
  Told told;
  int64_t before = Vocabulary::kStart;
  for (size_t t = 0; t <= said.size(); ++t) {
    auto step = captioner.decoder->step(memory, state, torch::tensor({before}), torch::tensor({int64_t{0}}));
    state = std::move(step.state);
    auto logits = step.logits[0].to(torch::kDouble);  // [V]
    for (int64_t word = 0; word < logits.size(0); ++word)
      if (const double count = static_cast<double>(kCounts[static_cast<size_t>(word)]); count > 0)
        logits[word] -= options.frequency_exponent * std::log(count / 20);
    told.probabilities.push_back((logits / options.temperature).softmax(0));
    told.alphas.push_back(step.alpha[0]);
    if (t < said.size()) before = said[t];
  }
  return told;
}

/// The log-probability of `said` and <end> where each word's probability is the mean of the captioners'.
double mean_log_probability(const std::vector<Captioner*>& captioners, const std::vector<torch::Tensor>& picture,
                            const std::vector<int64_t>& said, const DecodeOptions& options) {
  std::vector<Told> told;
  for (size_t m = 0; m < captioners.size(); ++m) told.push_back(tell(*captioners[m], picture[m], said, options));
  double sum = 0;
  for (size_t t = 0; t <= said.size(); ++t) {
    const int64_t word = t < said.size() ? said[t] : int64_t{Vocabulary::kEnd};
    double mean = 0;
    for (const auto& one : told) mean += one.probabilities[t][word].item<double>() / static_cast<double>(told.size());
    sum += std::log(mean);
  }
  return sum;
}

/// All captions of 1 to `longest` words.
std::vector<std::vector<int64_t>> all_captions(size_t longest) {
  std::vector<std::vector<int64_t>> all, last{{}};
  for (size_t length = 1; length <= longest; ++length) {
    std::vector<std::vector<int64_t>> grown;
    for (const auto& said : last)
      for (int64_t word = 4; word < static_cast<int64_t>(kWords.size()); ++word) {
        grown.push_back(said);
        grown.back().push_back(word);
      }
    all.insert(all.end(), grown.begin(), grown.end());
    last = std::move(grown);
  }
  return all;
}

void expect_same(const std::vector<std::vector<Caption>>& a, const std::vector<std::vector<Caption>>& b,
                 double tolerance) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    ASSERT_EQ(a[i].size(), b[i].size());
    for (size_t n = 0; n < a[i].size(); ++n) {
      EXPECT_EQ(a[i][n].words, b[i][n].words);
      EXPECT_NEAR(a[i][n].log_probability, b[i][n].log_probability, tolerance);
      for (size_t t = 0; t < a[i][n].word_log_probability.size(); ++t)
        EXPECT_NEAR(a[i][n].word_log_probability[t], b[i][n].word_log_probability[t], tolerance);
      EXPECT_LE((a[i][n].alpha - b[i][n].alpha).abs().max().item<double>(), tolerance);
    }
  }
}

DecodeOptions three_best() {
  DecodeOptions options;
  options.max_length = 8;
  options.n_best = 3;
  return options;
}

TEST(Ensemble, OfOneModelIsThatModelToTheLastBit) {
  auto alone = small(1);
  const auto batch = pictures(5, 64);
  const torch::NoGradGuard no_grad;
  const auto expected = caption_annotations(alone, alone.annotate(batch), three_best());
  std::vector<Captioner> one;
  one.push_back(small(1));
  expect_same(Ensemble(std::move(one), {"a.safetensors"}).caption({batch}, three_best()), expected, 0);
}

TEST(Ensemble, OfAModelWithItselfSaysWhatTheModelSays) {
  auto alone = small(1);
  const auto batch = pictures(5, 64);
  const torch::NoGradGuard no_grad;
  const auto expected = caption_annotations(alone, alone.annotate(batch), three_best());
  expect_same(together(small(1), small(1)).caption({batch}, three_best()), expected, 1e-5);
}

/// At this temperature and frequency exponent.
class At : public testing::TestWithParam<std::pair<double, double>> {};

TEST_P(At, ABeamAsWideAsAllCaptionsEqualsBruteForce) {
  auto a = small(1), b = small(2, 96);
  auto both = together(small(1), small(2, 96));
  ASSERT_EQ(both.inputs().size(), 2u);
  DecodeOptions options;
  options.max_length = 3;
  options.beam_width = options.n_best = 39;  // 3 + 9 + 27 captions
  options.length_exponent = 0;
  std::tie(options.temperature, options.frequency_exponent) = GetParam();
  const auto large = pictures(2, 96), little = large.narrow(1, 0, 64).narrow(2, 0, 64).contiguous();
  const auto found = both.caption({little, large}, options);
  ASSERT_EQ(found.size(), 2u);
  double apart = 0;  // from what one of them says alone
  for (int64_t i = 0; i < 2; ++i) {
    const std::vector<torch::Tensor> picture{little.narrow(0, i, 1), large.narrow(0, i, 1)};
    std::map<std::vector<std::string>, double> all, plain;
    for (const auto& said : all_captions(3)) {
      std::vector<std::string> words;
      for (const int64_t word : said) words.push_back(kWords[static_cast<size_t>(word)]);
      all[words] = mean_log_probability({&a, &b}, picture, said, options);
      plain[words] = mean_log_probability({&a, &b}, picture, said, {});
      apart = std::max(apart, std::abs(all[words] - mean_log_probability({&a}, picture, said, options)));
    }
    const auto& list = found[static_cast<size_t>(i)];
    ASSERT_EQ(list.size(), all.size());
    for (size_t n = 0; n < list.size(); ++n) {
      ASSERT_TRUE(all.count(list[n].words)) << list[n].text;
      EXPECT_NEAR(list[n].log_probability, all[list[n].words], 1e-4) << list[n].text;
      EXPECT_NEAR(list[n].plain_log_probability(), plain[list[n].words], 1e-4) << list[n].text;
      EXPECT_LE(list[n].log_probability, list[n > 0 ? n - 1 : 0].log_probability);
    }
  }
  EXPECT_GT(apart, 0.1);
}

TEST_P(At, OneModelSaysAndWeighsWordsAsItDoesOneByOne) {
  auto alone = small(1);
  DecodeOptions options;
  options.max_length = 4;
  options.n_best = 3;
  std::tie(options.temperature, options.frequency_exponent) = GetParam();
  const auto batch = pictures(3, 64);
  const torch::NoGradGuard no_grad;
  const auto found = caption_annotations(alone, alone.annotate(batch), options);
  for (int64_t i = 0; i < 3; ++i)
    for (const auto& caption : found[static_cast<size_t>(i)]) {
      std::vector<int64_t> said;
      for (const auto& word : caption.words) said.push_back(alone.vocabulary.id(word));
      EXPECT_NEAR(caption.log_probability, mean_log_probability({&alone}, {batch.narrow(0, i, 1)}, said, options),
                  1e-4);
      EXPECT_NEAR(caption.plain_log_probability(), mean_log_probability({&alone}, {batch.narrow(0, i, 1)}, said, {}),
                  1e-4);
    }
}

TEST_P(At, CaptionsThatAreGivenAreWalkedByTheMeanOfTheirProbabilities) {
  auto a = small(1), b = small(2, 96);
  auto both = together(small(1), small(2, 96));
  DecodeOptions options;
  std::tie(options.temperature, options.frequency_exponent) = GetParam();
  const auto large = pictures(2, 96), little = large.narrow(1, 0, 64).narrow(2, 0, 64).contiguous();
  std::vector<GivenWords> given;
  for (const auto& said : all_captions(2))
    for (int64_t i = 0; i < 2; ++i) given.push_back({i, said});
  const auto forced = both.force(both.annotate({little, large}), given, options, {});
  ASSERT_EQ(forced.size(), given.size());
  for (size_t i = 0; i < given.size(); ++i) {
    const std::vector<torch::Tensor> picture{little.narrow(0, given[i].picture, 1),
                                             large.narrow(0, given[i].picture, 1)};
    EXPECT_NEAR(forced[i].log_probability, mean_log_probability({&a, &b}, picture, given[i].words, options), 1e-4);
    const auto& plain = forced[i].plain_word_log_probability;
    EXPECT_NEAR(std::accumulate(plain.begin(), plain.end(), 0.0),
                mean_log_probability({&a, &b}, picture, given[i].words, {}), 1e-4);
  }
}

INSTANTIATE_TEST_SUITE_P(Ensemble, At,
                         testing::Values(std::pair(1.0, 0.0), std::pair(0.6, 0.0), std::pair(2.5, 0.0),
                                         std::pair(1.0, 0.7), std::pair(0.6, 0.3)));

TEST(Ensemble, SaysKnownCaptionsWithTheMeanOfItsMembersProbabilities) {
  auto a = small(1), b = small(2, 96);
  auto both = together(small(1), small(2, 96));
  const std::vector<torch::Tensor> batch{pictures(2, 64), pictures(2, 96)};
  const auto captions = pack_captions({{{4, 5, 6}, {6}}, {{5, 5}}});
  DecodeOptions options;
  for (options.temperature = 0.6; options.temperature < 3; options.temperature += 1.2) {
    const auto said = both.log_probability(batch, captions, options.temperature);  // [N, V]
    EXPECT_FALSE(said.requires_grad());
    // Words stand by time, then by row; a caption's first words are those that the next one follows.
    const std::vector<std::pair<int64_t, std::vector<int64_t>>> rows{{0, {4, 5, 6}}, {1, {5, 5}}, {0, {6}}};
    int64_t n = 0;
    for (size_t t = 0; t <= 3; ++t)
      for (const auto& [picture, words] : rows) {
        if (t > words.size()) continue;
        const auto mean = (tell(a, batch[0].narrow(0, picture, 1), words, options).probabilities[t] +
                           tell(b, batch[1].narrow(0, picture, 1), words, options).probabilities[t]) /
                          2;  // [V]
        EXPECT_TRUE(torch::allclose(said[n].exp().to(torch::kDouble), mean, 1e-4, 1e-6)) << t;
        ++n;
      }
    EXPECT_EQ(n, said.size(0));
  }
}

TEST(Ensemble, TakesCountsFromAMemberThatHasThem) {
  const auto uncounted = [](int seed) {
    auto captioner = small(seed);
    captioner.vocabulary = Vocabulary(kWords);
    return captioner;
  };
  auto options = three_best();
  options.frequency_exponent = 0.5;
  const auto batch = pictures(3, 64);
  const auto expected = together(small(1), small(2)).caption({batch}, options);
  auto first = together(uncounted(1), small(2)), second = together(small(1), uncounted(2));
  EXPECT_NO_THROW(first.check(options));
  expect_same(first.caption({batch}, options), expected, 0);
  expect_same(second.caption({batch}, options), expected, 0);
}

TEST(Ensemble, RefusesAFrequencyExponentWithoutCounts) {
  const std::vector<std::string> words{"<pad>", "<start>", "<end>", "<unk>", "dog"};
  const auto both = together(small(1, 64, "squash", words), small(2, 64, "squash", words));
  DecodeOptions options;
  EXPECT_NO_THROW(both.check(options));
  options.frequency_exponent = 0.3;
  EXPECT_NO_THROW(together(small(1), small(2)).check(options));
  try {
    both.check(options);
    FAIL() << "accepted";
  } catch (const UsageError& error) {
    EXPECT_NE(std::string(error.what()).find("a.safetensors doesn't say how often"), std::string::npos) << error.what();
  }
}

TEST(Ensemble, ShowsTheMeanOfTheAttentionWhereGridsAndResizingAgreeElseTheFirstOnes) {
  const auto large = pictures(1, 96), little = large.narrow(1, 0, 64).narrow(2, 0, 64).contiguous();
  struct Case {
    Captioner other;
    std::vector<torch::Tensor> inputs;
    bool mean;
  };
  std::vector<Case> cases;
  cases.push_back({small(2), {little}, true});
  cases.push_back({small(2, 96), {little, large}, false});
  cases.push_back({small(2, 64, "crop"), {little, little}, false});
  auto first = small(1);
  for (auto& [other, inputs, mean] : cases) {
    auto alone = small(2, other.options.encoder.input_size);
    const auto caption = together(small(1), std::move(other)).caption(inputs, DecodeOptions())[0][0];
    std::vector<int64_t> said;
    for (const auto& word : caption.words) said.push_back(first.vocabulary.id(word));
    const auto a = tell(first, inputs.front(), said), b = tell(alone, inputs.back(), said);
    ASSERT_EQ(caption.alpha.size(0), static_cast<int64_t>(said.size()));
    double apart = 0;
    for (size_t t = 0; t < said.size(); ++t) {
      const auto expected = mean ? (a.alphas[t] + b.alphas[t]) / 2 : a.alphas[t];  // [L]
      EXPECT_LT((caption.alpha[static_cast<int64_t>(t)] - expected).abs().max().item<double>(), 1e-5);
      apart = std::max(apart, (expected - a.alphas[t]).abs().max().item<double>());
    }
    EXPECT_EQ(apart > 1e-4, mean);
  }
}

TEST(Ensemble, RunsEncodersOnceThatAreTheSame) {
  const auto batch = pictures(2, 64);
  for (const bool same : {true, false}) {
    auto second = small(same ? 1 : 2);
    const auto weights = second.encoder->state();
    auto both = together(small(1), std::move(second));
    const auto before = both.caption({batch}, three_best());
    const torch::NoGradGuard no_grad;
    for (auto [name, tensor] : weights) tensor.zero_();
    const auto after = both.caption({batch}, three_best());
    EXPECT_EQ(before[0][0].log_probability == after[0][0].log_probability, same);
  }
}

TEST(Ensemble, WantsEveryFormOfAPictureOnce) {
  EXPECT_EQ(together(small(1), small(2)).inputs().size(), 1u);
  EXPECT_EQ(together(small(1), small(2, 64, "pad")).inputs().size(), 2u);
  const auto both = together(small(1), small(1, 96));
  ASSERT_EQ(both.inputs().size(), 2u);
  EXPECT_EQ(both.inputs()[0].input_size, 64);
  EXPECT_EQ(both.inputs()[1].input_size, 96);
}

TEST(Ensemble, RefusesModelsWithOtherWords) {
  const auto refusal = [](const std::vector<std::string>& words) -> std::string {
    try {
      together(small(1), small(2, 64, "squash", words));
    } catch (const InputError& error) {
      return error.what();
    }
    return "accepted";
  };
  auto other = kWords, longer = kWords, shorter = kWords;
  other[5] = "cat";
  longer.push_back("away");
  shorter.pop_back();
  const std::string whose = "b.safetensors: its vocabulary isn't that of a.safetensors: ";
  EXPECT_EQ(refusal(other).find(whose + "word 5 is \"cat\", there \"dog\""), 0u) << refusal(other);
  EXPECT_EQ(refusal(longer).find(whose + "word 7 is \"away\", there missing"), 0u) << refusal(longer);
  EXPECT_EQ(refusal(shorter).find(whose + "word 6 is missing, there \"runs\""), 0u) << refusal(shorter);
}

}  // namespace
}  // namespace attend
