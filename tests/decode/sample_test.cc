#include "decode/sample.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "decode/random_model.h"
#include "text/vocabulary.h"

namespace attend {
namespace {

using Words = std::vector<int64_t>;
constexpr int64_t kWords = 7, kPictures = 3;

/// A caption as a key: its words, and <end> if it ended.
Words key(const Sample& sample) {
  Words words = sample.words;
  if (sample.ended) words.push_back(Vocabulary::kEnd);
  return words;
}

/// The probability of every caption, by plain recursion over the words that may be said.
void enumerate(const RandomModel& model, int64_t picture, const SampleOptions& options, Words said, double probability,
               std::map<Words, double>& all) {
  if (static_cast<int>(said.size()) > options.max_length) {
    all[{said.begin() + 1, said.end()}] = probability;
    return;
  }
  const auto logits = model.row_logits(picture, said);
  const Words sayable = {Vocabulary::kEnd, 4, 5, 6};
  double sum = 0;
  for (const int64_t word : sayable) sum += std::exp(logits[word] / options.temperature);
  for (const int64_t word : sayable) {
    const double share = std::exp(logits[word] / options.temperature) / sum;
    Words next = said;
    next.push_back(word);
    if (word == Vocabulary::kEnd)
      all[{next.begin() + 1, next.end()}] = probability * share;
    else
      enumerate(model, picture, options, next, probability * share, all);
  }
}

class Temperature : public testing::TestWithParam<double> {};

TEST_P(Temperature, CaptionsComeAsOftenAsTheModelSays) {
  RandomModel model(kPictures, kWords, 1);
  const SampleOptions options{4000, 2, GetParam()};
  torch::manual_seed(3);
  const auto captions = sample(model, options);
  ASSERT_EQ(captions.size(), kPictures);
  for (int64_t b = 0; b < kPictures; ++b) {
    ASSERT_EQ(captions[b].size(), 4000u);
    std::map<Words, double> expected, times;
    enumerate(model, b, options, {Vocabulary::kStart}, 1, expected);
    ASSERT_EQ(expected.size(), 13u);  // "", three of one word, nine cut off after two
    for (const auto& caption : captions[b]) ++times[key(caption)];
    double chi_square = 0;
    for (const auto& [words, probability] : expected) {
      const double mean = probability * options.samples;
      chi_square += (times[words] - mean) * (times[words] - mean) / mean;
    }
    EXPECT_EQ(times.size(), expected.size());  // no other caption
    EXPECT_LT(chi_square, 32.9);               // 12 degrees of freedom, one in a thousand
  }
}

INSTANTIATE_TEST_SUITE_P(Sample, Temperature, testing::Values(1.0, 0.6, 3.0));

TEST(Sample, IsTheSameAfterTheSameSeedAndAnotherAfterAnother) {
  RandomModel model(kPictures, 30, 2);
  const auto draw = [&](int seed) {
    torch::manual_seed(seed);
    std::vector<Words> all;
    for (const auto& list : sample(model, {5, 12, 1}))
      for (const auto& caption : list) all.push_back(key(caption));
    return all;
  };
  const auto first = draw(7);
  EXPECT_EQ(draw(7), first);
  EXPECT_NE(draw(8), first);
}

TEST(Sample, AtLowTemperatureSaysTheLikeliestWordsTheBeamOfOneSays) {
  RandomModel model(kPictures, 30, 4);
  DecodeOptions greedy;
  greedy.beam_width = 1;
  greedy.min_length = 0;
  greedy.max_length = 12;
  const auto best = beam_search(model, greedy);
  const auto captions = sample(model, {3, 12, 1e-4});
  for (int64_t b = 0; b < kPictures; ++b)
    for (const auto& caption : captions[b]) EXPECT_EQ(caption.words, best[b][0].words);
}

TEST(Sample, CaptionsThatEndedLeaveTheBatch) {
  RandomModel model(kPictures, kWords, 5);
  const SampleOptions options{40, 9, 1};
  const auto captions = sample(model, options);
  std::vector<size_t> rows = {kPictures * 40};
  for (size_t length = 1; length < 9; ++length) {
    size_t live = 0;
    for (const auto& list : captions)
      for (const auto& caption : list) live += caption.words.size() >= length;
    if (live > 0) rows.push_back(live);
  }
  EXPECT_EQ(model.rows_of_steps, rows);
}

TEST(SayLogProbability, SharesAllProbabilityAmongTheWordsThatMayBeSaid) {
  const auto logits = torch::randn({4, 9}) * 3;                   // [R, V]
  const auto probability = say_log_probability(logits, 2).exp();  // [R, V]
  for (int64_t r = 0; r < 4; ++r) {
    double sum = 0;
    for (const int64_t word : {2, 4, 5, 6, 7, 8}) sum += std::exp(logits[r][word].item<double>() / 2);
    for (const int64_t word : {2, 4, 5, 6, 7, 8})
      EXPECT_NEAR(probability[r][word].item<double>(), std::exp(logits[r][word].item<double>() / 2) / sum, 1e-6);
    for (const int64_t unsaid : {Vocabulary::kPad, Vocabulary::kStart, Vocabulary::kUnknown})
      EXPECT_EQ(probability[r][unsaid].item<double>(), 0);
  }
}

}  // namespace
}  // namespace attend
