#include "text/near_duplicates.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>

namespace attend {
namespace {

using Sentence = std::vector<int32_t>;

/// All of one document, where no other is named.
SentenceWalk walk_over(const std::vector<Sentence>& sentences, const std::vector<size_t>& document = {}) {
  return [&](const auto& take) {
    for (size_t i = 0; i < sentences.size(); ++i) take(document.empty() ? 0 : document[i], sentences[i]);
  };
}

/// Words put in, taken out or changed to make b of a (Levenshtein).
size_t distance(const Sentence& a, const Sentence& b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    size_t corner = row[0]++;
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t change = corner + (a[i] != b[j]);
      corner = row[j + 1];
      row[j + 1] = std::min({change, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

/// The same by comparing all pairs.
std::vector<std::vector<size_t>> groups_of(const std::vector<Sentence>& sentences, size_t least_words) {
  std::vector<size_t> group(sentences.size());
  std::iota(group.begin(), group.end(), size_t{0});
  for (bool changed = true; changed;) {
    changed = false;
    for (size_t i = 0; i < sentences.size(); ++i)
      for (size_t j = 0; j < i; ++j) {
        const bool long_enough = std::min(sentences[i].size(), sentences[j].size()) >= least_words;
        if (distance(sentences[i], sentences[j]) > (long_enough ? 1u : 0u) || group[i] == group[j]) continue;
        group[i] = group[j] = std::min(group[i], group[j]);
        changed = true;
      }
  }
  std::vector<std::vector<size_t>> groups(sentences.size());
  for (size_t i = 0; i < sentences.size(); ++i) groups[group[i]].push_back(i);
  std::erase_if(groups, [](const auto& one) { return one.size() < 2; });
  return groups;
}

TEST(FindAlike, EqualsComparingAllPairs) {
  std::mt19937 generator(5);
  for (int round = 0; round < 60; ++round) {
    std::vector<Sentence> sentences;
    for (int i = 0; i < 60; ++i) {
      sentences.emplace_back();
      for (auto n = generator() % 7; n > 0; --n) sentences.back().push_back(static_cast<int32_t>(generator() % 4));
    }
    const size_t least = generator() % 6;
    const auto expected = groups_of(sentences, least);
    const auto found = find_alike(walk_over(sentences), least);
    ASSERT_EQ(found.size(), expected.size());
    for (size_t g = 0; g < found.size(); ++g) {
      EXPECT_EQ(found[g].sentences, expected[g]);
      bool equal = true;
      for (const size_t i : expected[g]) equal = equal && sentences[i] == sentences[expected[g].front()];
      EXPECT_EQ(found[g].equal, equal);
    }
  }
}

TEST(FindAlike, LeavesShortSentencesAloneUnlessTheyAreTheSame) {
  WordNumbers numbers;
  const std::vector<Sentence> sentences{numbers.of({"a", "dog"}),
                                        numbers.of({"a", "cat"}),
                                        numbers.of({"a", "dog"}),
                                        numbers.of({"a", "dog", "runs", "on", "grass"}),
                                        numbers.of({"a", "dog", "runs", "on", "sand"}),
                                        numbers.of({"dog", "a", "runs", "on", "sand"})};
  EXPECT_EQ(numbers.words(), (std::vector<std::string>{"a", "dog", "cat", "runs", "on", "grass", "sand"}));
  const auto found = find_alike(walk_over(sentences), 4);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].sentences, (std::vector<size_t>{0, 2}));
  EXPECT_TRUE(found[0].equal);
  EXPECT_EQ(found[1].sentences, (std::vector<size_t>{3, 4}));
  EXPECT_FALSE(found[1].equal);
  EXPECT_TRUE(find_alike(walk_over({}), 4).empty());
}

TEST(FindAlike, FindsTheSameInParts) {
  // So many that their hashes aren't in memory at once: each is there again at some distance, with a word changed, left out or none.
  std::mt19937 generator(9);
  std::vector<Sentence> sentences;
  constexpr size_t kCount = 30'000;
  for (size_t i = 0; i < kCount; ++i) {
    Sentence words;
    for (int n = 0; n < 12; ++n) words.push_back(static_cast<int32_t>(generator() % 5000));
    sentences.push_back(words);
  }
  for (size_t i = 0; i < kCount; ++i) {
    Sentence words = sentences[i];
    if (i % 3 == 1) words[i % 12] = 6000;
    if (i % 3 == 2) words.erase(words.begin() + static_cast<std::ptrdiff_t>(i % 12));
    sentences.push_back(words);
  }
  const auto found = find_alike(walk_over(sentences), 5);
  ASSERT_EQ(found.size(), kCount);
  for (size_t i = 0; i < kCount; ++i) {
    ASSERT_EQ(found[i].sentences, (std::vector<size_t>{i, kCount + i}));
    ASSERT_EQ(found[i].equal, i % 3 == 0);
  }
}

TEST(FindApart, NamesSentencesWithoutAWordOfTheOthers) {
  std::mt19937 generator(6);
  for (int round = 0; round < 60; ++round) {
    std::vector<Sentence> sentences;
    std::vector<size_t> document;
    for (int i = 0; i < 40; ++i) {
      sentences.emplace_back();
      for (auto n = generator() % 4; n > 0; --n) sentences.back().push_back(static_cast<int32_t>(generator() % 12));
      document.push_back(document.empty() ? 0 : document.back() + (generator() % 4 == 0));
    }
    const std::vector<int32_t> family{-1, 5, 5, 2, 3, 4, 6, 7, 8, 9, 10, 11};
    const size_t least = generator() % 4;
    std::vector<size_t> expected;
    for (size_t i = 0; i < sentences.size(); ++i) {
      size_t others = 0;
      bool shares = false;
      for (size_t j = 0; j < sentences.size(); ++j) {
        if (j == i || document[j] != document[i]) continue;
        ++others;
        for (const int32_t a : sentences[i])
          for (const int32_t b : sentences[j])
            shares = shares || (family[static_cast<size_t>(a)] >= 0 &&
                                family[static_cast<size_t>(a)] == family[static_cast<size_t>(b)]);
      }
      if (others >= least && !shares) expected.push_back(i);
    }
    EXPECT_EQ(find_apart(walk_over(sentences, document), family, least), expected);
  }
}

}  // namespace
}  // namespace attend
