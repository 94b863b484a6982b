// BLEU, ROUGE-L and CIDEr-D against coco-caption's figures, and what must hold for any captions.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <filesystem>
#include <map>
#include <random>

#include "base/error.h"
#include "base/files.h"
#include "base/parallel.h"
#include "metrics/bleu.h"
#include "metrics/cider.h"
#include "metrics/rouge.h"
#include "text/ptb_tokenizer.h"

namespace attend {
namespace {

constexpr double kTolerance = 1e-6;
const std::filesystem::path kShared = ATTEND_SOURCE_DIR "/../shared";

CaptionPair pair(const std::string& candidate, const std::vector<std::string>& references) {
  CaptionPair made{caption_tokens(candidate), {}};
  for (const auto& reference : references) made.references.push_back(caption_tokens(reference));
  return made;
}

/// Five pictures: a good caption, a word repeated, one too short, one too long, one with nothing in common.
std::vector<CaptionPair> small_set() {
  return {pair("a black dog runs on the beach",
               {"a black dog is running on the sand", "the dog runs along a beach", "a dog plays near the sea"}),
          pair("two two two boys boys play", {"two boys play football in a park", "boys are playing with a ball"}),
          pair("the cat", {"a cat sleeps on a red sofa", "the cat is asleep", "a sleeping cat on a couch in a room"}),
          pair("a man rides a horse past a house while a woman with a camera looks at the man",
               {"a man rides a horse", "a rider on a brown horse passes a house"}),
          pair("umbrella", {"people with bags wait for a bus"})};
}

/// Candidates and references of a case of the golden figures, in its order of pictures.
std::vector<CaptionPair> golden_pairs(const Json& golden, const Json& captions) {
  const bool all = golden["references"] == "all";
  std::map<int64_t, std::vector<Tokens>> references;
  for (const auto& annotation : captions["annotations"]) {
    references[annotation["image_id"]].push_back(caption_tokens(annotation["caption"].get<std::string>()));
  }
  std::vector<CaptionPair> pairs;
  for (const auto& candidate : golden["candidates"]) {
    auto& pair = pairs.emplace_back();
    pair.candidate = caption_tokens(candidate["caption"].get<std::string>());
    pair.references = references.at(candidate["image_id"]);
    if (!all) pair.references.erase(pair.references.begin());
  }
  return pairs;
}

TEST(SelfBleu, AgreesWithNltkAndLeavesOutPicturesWithOneCaption) {
  std::vector<std::vector<Tokens>> pictures;
  for (const auto& captions : std::vector<std::vector<std::string>>{
           {"a black dog runs on the beach", "a black dog is running on the beach",
            "a dog runs along the beach near the sea"},
           {"two boys play football in a park", "two boys are playing with a ball in a park"},
           {"a cat sleeps"},
           {"a man rides a horse", "a man rides a horse"}}) {
    auto& tokens = pictures.emplace_back();
    for (const auto& caption : captions) tokens.push_back(caption_tokens(caption));
  }
  EXPECT_NEAR(self_bleu(pictures), 0.36783644175583, 1e-6);  // nltk.translate.bleu_score.corpus_bleu
  EXPECT_NEAR(self_bleu(std::span(pictures).last(1)), 1, 1e-6);
  EXPECT_TRUE(std::isnan(self_bleu({})));
}

// The figures below are those of coco-caption's Python code for the same sentences.
TEST(Metrics, AgreeWithCocoCaptionOnASmallSet) {
  const auto pairs = small_set();
  const double corpus[] = {0.5588235293953288, 0.4808714199247427, 0.33321609578890155, 0.24082208236316924};
  const double pictures[][4] = {{0.9999999999, 0.8164965808, 0.5108729548, 7.598356855e-05},
                                {0.4999999998, 0.4472135953, 3.684031497e-06, 1.136219366e-08},
                                {0.3678794408, 0.3678794407, 0.003678794408, 0.0003678794408},
                                {0.3888888889, 0.3381997708, 0.2778322333, 0.2312446302},
                                {2.478752172e-18, 7.838502622e-14, 2.478752173e-12, 1.393904782e-11}};
  const double rouge_figures[] = {0.6587473002, 0.4552238806, 0.6288659794, 0.4841269841, 0};
  const double cider_figures[] = {1.988593735, 0.9928817533, 1.439566764, 0.3430918302, 0};

  const auto bleu_scores = bleu(pairs);
  const auto rouge_scores = rouge_l(pairs), cider_scores = cider_d(pairs);
  for (int n = 0; n < 4; ++n) EXPECT_NEAR(bleu_scores.corpus[n], corpus[n], 1e-9) << "BLEU-" << n + 1;
  EXPECT_NEAR(rouge_scores.corpus, 0.44539282886428505, 1e-9);
  EXPECT_NEAR(cider_scores.corpus, 0.9528268165517624, 1e-9);
  for (size_t i = 0; i < pairs.size(); ++i) {
    for (int n = 0; n < 4; ++n)
      EXPECT_NEAR(bleu_scores.pictures[i][n], pictures[i][n], 1e-9) << i << ", BLEU-" << n + 1;
    EXPECT_NEAR(rouge_scores.pictures[i], rouge_figures[i], 1e-9) << i;
    EXPECT_NEAR(cider_scores.pictures[i], cider_figures[i], 1e-9) << i;
  }
}

TEST(Metrics, AgreeWithCocoCaptionOnFlickr8k) {
  if (!std::filesystem::exists(kShared / "golden/metrics_val.json")) GTEST_SKIP() << "no golden figures in ../shared";
  const auto golden = read_json_file(kShared / "golden/metrics_val.json");
  const auto captions = read_json_file(kShared / "flickr8k/captions_val.json");
  for (const auto& [name, figures] : golden.items()) {
    SCOPED_TRACE(name);
    const auto pairs = golden_pairs(figures, captions);
    const auto bleu_scores = bleu(pairs);
    const auto rouge_scores = rouge_l(pairs), cider_scores = cider_d(pairs);

    const auto& corpus = figures["corpus"];
    for (int n = 0; n < 4; ++n) {
      EXPECT_NEAR(bleu_scores.corpus[n], corpus["Bleu_" + std::to_string(n + 1)].get<double>(), kTolerance);
    }
    EXPECT_NEAR(rouge_scores.corpus, corpus["ROUGE_L"].get<double>(), kTolerance);
    EXPECT_NEAR(cider_scores.corpus, corpus["CIDEr"].get<double>(), kTolerance);
    const auto& each = figures["each"];
    ASSERT_EQ(each.size(), pairs.size());
    for (size_t i = 0; i < pairs.size(); ++i) {
      ASSERT_EQ(each[i]["image_id"], figures["candidates"][i]["image_id"]);
      for (int n = 0; n < 4; ++n) {
        EXPECT_NEAR(bleu_scores.pictures[i][n], each[i]["Bleu_" + std::to_string(n + 1)].get<double>(), kTolerance)
            << i;
      }
      EXPECT_NEAR(rouge_scores.pictures[i], each[i]["ROUGE_L"].get<double>(), kTolerance) << i;
      EXPECT_NEAR(cider_scores.pictures[i], each[i]["CIDEr"].get<double>(), kTolerance) << i;
    }
  }
}

TEST(TimingMetrics, TakeAtMostASecondForFlickr8k) {
  if (!std::filesystem::exists(kShared / "golden/metrics_val.json")) GTEST_SKIP() << "no golden figures in ../shared";
  const auto golden = read_json_file(kShared / "golden/metrics_val.json");
  const auto captions = read_json_file(kShared / "flickr8k/captions_val.json");
  for (const auto& [name, figures] : golden.items()) {
    const auto pairs = golden_pairs(figures, captions);
    const auto start = std::clock();  // processor time: other work on the machine doesn't count
    EXPECT_GT(bleu(pairs).corpus[0] + rouge_l(pairs).corpus + cider_d(pairs).corpus, 0);
    EXPECT_LE(static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC, 1) << name;
  }
}

TEST(Metrics, AReferenceAsCandidateIsPerfect) {
  auto pairs = small_set();
  pairs.resize(4);  // the last one's n-grams are few enough to tell nothing
  for (auto& pair : pairs) pair.references.resize(1), pair.candidate = pair.references[0];
  const auto bleu_scores = bleu(pairs);
  for (const double figure : bleu_scores.corpus) EXPECT_NEAR(figure, 1, 1e-9);
  EXPECT_NEAR(rouge_l(pairs).corpus, 1, 1e-12);
  EXPECT_NEAR(cider_d(pairs).corpus, 10, 1e-9);
}

TEST(Metrics, OrderOfReferencesDoesNotMatter) {
  auto pairs = small_set();
  const auto bleu_before = bleu(pairs);
  const auto rouge_before = rouge_l(pairs), cider_before = cider_d(pairs);
  for (auto& pair : pairs) std::reverse(pair.references.begin(), pair.references.end());
  EXPECT_EQ(bleu(pairs).corpus, bleu_before.corpus);
  EXPECT_EQ(rouge_l(pairs).pictures, rouge_before.pictures);
  for (size_t i = 0; i < pairs.size(); ++i) EXPECT_NEAR(cider_d(pairs).pictures[i], cider_before.pictures[i], 1e-12);
}

TEST(Metrics, EmptyCandidatesScoreNothing) {
  auto pairs = small_set();
  for (auto& pair : pairs) pair.candidate.clear();
  for (const double figure : bleu(pairs).corpus) EXPECT_EQ(figure, 0);
  EXPECT_EQ(rouge_l(pairs).corpus, 0);
  EXPECT_EQ(cider_d(pairs).corpus, 0);
}

TEST(Metrics, NoPicturesGiveZeros) {
  EXPECT_EQ(bleu({}).corpus, (std::array<double, 4>{}));
  EXPECT_EQ(rouge_l({}).corpus, 0);
  EXPECT_EQ(cider_d({}).corpus, 0);
}

TEST(Metrics, APictureWithoutReferencesIsRefused) {
  const std::vector<CaptionPair> pairs{{{"a", "dog"}, {}}};
  EXPECT_THROW(bleu(pairs), InputError);
  EXPECT_THROW(rouge_l(pairs), InputError);
  EXPECT_THROW(cider_d(pairs), InputError);
}

/// Length of the longest common subsequence by trying every choice of a's words.
size_t common_by_brute_force(const Tokens& a, const Tokens& b) {
  size_t best = 0;
  for (unsigned chosen = 0; chosen < 1u << a.size(); ++chosen) {
    size_t at = 0, length = 0;
    bool found = true;
    for (size_t i = 0; i < a.size() && found; ++i) {
      if (!(chosen >> i & 1)) continue;
      while (at < b.size() && b[at] != a[i]) ++at;
      found = at++ < b.size();
      ++length;
    }
    if (found) best = std::max(best, length);
  }
  return best;
}

TEST(RougeL, EqualsBruteForce) {
  std::mt19937 random(7);
  const auto sentence = [&] {
    Tokens tokens(1 + random() % 9);
    for (auto& token : tokens) token = std::string(1, static_cast<char>('a' + random() % 4));
    return tokens;
  };
  for (int i = 0; i < 200; ++i) {
    const std::vector<CaptionPair> pairs{{sentence(), {sentence()}}};
    const auto& [candidate, references] = pairs[0];
    const auto common = static_cast<double>(common_by_brute_force(candidate, references[0]));
    const double precision = common / static_cast<double>(candidate.size());
    const double recall = common / static_cast<double>(references[0].size());
    const double expected = common == 0 ? 0 : 2.44 * precision * recall / (recall + 1.44 * precision);
    EXPECT_NEAR(rouge_l(pairs).corpus, expected, 1e-12);
  }
}

TEST(Cider, ScoresAnyCandidateFromAnyThread) {
  const auto pairs = small_set();
  std::vector<std::vector<Tokens>> references;
  for (const auto& pair : pairs) references.push_back(pair.references);
  const Cider cider(references);
  const auto expected = cider_d(pairs).pictures;
  std::vector<double> scores(1000);
  parallel_for(scores.size(), 4, [&](size_t i) { scores[i] = cider.score(i % 5, pairs[i % 5].candidate); });
  for (size_t i = 0; i < scores.size(); ++i) EXPECT_EQ(scores[i], expected[i % 5]);
  EXPECT_THROW(cider.score(5, {"dog"}), std::out_of_range);
}

/// Cosine of two captions' tf-idf vectors, straight from the paper's equations 2 and 3.
double cider_by_hand(const std::vector<std::vector<Tokens>>& documents, const Tokens& a, const Tokens& b) {
  double sum = 0;
  for (size_t n = 1; n <= 4; ++n) {
    const auto counts = [&](const Tokens& tokens) {
      std::map<Tokens, double> made;
      for (size_t i = 0; i + n <= tokens.size(); ++i) ++made[Tokens(tokens.begin() + i, tokens.begin() + i + n)];
      return made;
    };
    const auto idf = [&](const Tokens& ngram) {
      double frequency = 0;
      for (const auto& document : documents) {
        frequency += std::any_of(document.begin(), document.end(),
                                 [&](const Tokens& caption) { return counts(caption).contains(ngram); });
      }
      return std::log(static_cast<double>(documents.size())) - std::log(std::max(1.0, frequency));
    };
    double product = 0, norm_a = 0, norm_b = 0;
    const auto in_a = counts(a), in_b = counts(b);
    for (const auto& [ngram, times] : in_a) {
      const double weight = idf(ngram);
      norm_a += times * weight * times * weight;
      if (const auto found = in_b.find(ngram); found != in_b.end()) product += times * weight * found->second * weight;
    }
    for (const auto& [ngram, times] : in_b) norm_b += times * idf(ngram) * times * idf(ngram);
    if (norm_a > 0 && norm_b > 0) sum += product / std::sqrt(norm_a * norm_b);
  }
  return 10 * sum / 4;
}

TEST(Cider, PlainAndWithDocumentsOfItsOwnEqualsTheEquations) {
  const auto pairs = small_set();
  std::vector<std::vector<Tokens>> references;
  for (const auto& pair : pairs) references.push_back(pair.references);
  std::vector<std::vector<Tokens>> documents(references.begin(), references.begin() + 3);
  documents.push_back({caption_tokens("a man with an umbrella")});
  documents.push_back({caption_tokens("two men")});
  for (const bool own : {false, true}) {
    const auto& counted = own ? documents : references;
    const Cider cider(references, counted);
    for (size_t i = 0; i < pairs.size(); ++i) {
      double sum = 0;
      for (const auto& reference : references[i]) sum += cider_by_hand(counted, pairs[i].candidate, reference);
      EXPECT_NEAR(cider.plain_score(i, pairs[i].candidate), sum / static_cast<double>(references[i].size()), 1e-9)
          << i << (own ? " with documents" : "");
    }
  }
}

}  // namespace
}  // namespace attend
