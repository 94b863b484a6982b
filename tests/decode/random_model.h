// A word model to decode from in tests.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "decode/beam.h"

namespace attend {

/// A model whose next-word logits are a fixed random function of the picture and of all words so far.
class RandomModel : public WordModel {
 public:
  RandomModel(int64_t pictures, int64_t words, int seed) : pictures_(pictures), words_(words), seed_(seed) {}

  int64_t start() override {
    rows_.clear();
    for (int64_t b = 0; b < pictures_; ++b) rows_.push_back({b, {}});
    return pictures_;
  }

  Step step(const torch::Tensor& words) override {
    EXPECT_EQ(words.size(0), static_cast<int64_t>(rows_.size()));
    auto logits = torch::empty({words.size(0), words_});  // [R, V]
    auto alpha = torch::empty({words.size(0), 1});        // [R, 1], the number of words before: tells steps apart
    for (size_t r = 0; r < rows_.size(); ++r) {
      alpha[r][0] = static_cast<float>(rows_[r].said.size());
      rows_[r].said.push_back(words[static_cast<int64_t>(r)].item<int64_t>());
      const auto row = row_logits(rows_[r].picture, rows_[r].said);
      for (int64_t w = 0; w < words_; ++w) logits[static_cast<int64_t>(r)][w] = row[w];
    }
    rows_of_steps.push_back(rows_.size());
    largest_rows = std::max(largest_rows, rows_.size());
    return {logits, alpha};
  }

  void reorder(const torch::Tensor& rows) override {
    std::vector<Row> next;
    for (int64_t i = 0; i < rows.size(0); ++i) next.push_back(rows_[rows[i].item<int64_t>()]);
    rows_ = next;
  }

  /// Logits after `said` (which begins with <start>).
  std::vector<float> row_logits(int64_t picture, const std::vector<int64_t>& said) const {
    uint64_t hash = 1469598103934665603ull + static_cast<uint64_t>(seed_ * 1000 + picture);
    for (const int64_t word : said) hash = (hash ^ static_cast<uint64_t>(word + 1)) * 1099511628211ull;
    std::mt19937_64 generator(hash);
    std::vector<float> logits;
    for (int64_t w = 0; w < words_; ++w)
      logits.push_back(static_cast<float>(static_cast<double>(generator() % 10000) / 2500.0));
    if (flat) std::fill(logits.begin(), logits.end(), 0.5f);
    return logits;
  }

  size_t largest_rows = 0;
  std::vector<size_t> rows_of_steps;
  bool flat = false;

 private:
  struct Row {
    int64_t picture;
    std::vector<int64_t> said;
  };
  int64_t pictures_, words_;
  int seed_;
  std::vector<Row> rows_;
};

inline double log_softmax(const std::vector<float>& logits, int64_t word) {
  double sum = 0;
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit));
  return logits[word] - std::log(sum);
}

}  // namespace attend
