// B pictures · R live rows · U words asked for · V words in the vocabulary
#include "decode/word_chances.h"

#include <algorithm>
#include <limits>

namespace attend {
namespace {

/// Passes a model on to a search, and listens.
class Overheard : public WordModel {
 public:
  Overheard(WordModel& model, torch::Tensor words) : model_(model), words_(std::move(words)) {}

  int64_t start() override {
    const int64_t pictures = model_.start();
    pictures_ = torch::arange(pictures, torch::kInt64);                                           // [B]
    chances_ = torch::full({pictures, words_.size(0)}, -std::numeric_limits<float>::infinity());  // [B, U]
    return pictures;
  }

  Step step(const torch::Tensor& words) override {
    Step step = model_.step(words);
    const auto normalizer = step.normalizer.defined() ? step.normalizer : step.logits.logsumexp(1);  // [R]
    const auto words_there = words_.to(step.logits.device());                                        // [U]
    const auto said = (step.logits.index_select(1, words_there) - normalizer.unsqueeze(1))
                          .to(torch::kCPU, torch::kFloat)
                          .contiguous();  // [R, U]
    const int64_t U = words_.size(0);
    for (int64_t r = 0; r < said.size(0); ++r) {
      const float* now = said.data_ptr<float>() + r * U;
      float* largest = chances_.data_ptr<float>() + pictures_.data_ptr<int64_t>()[r] * U;
      for (int64_t u = 0; u < U; ++u) largest[u] = std::max(largest[u], now[u]);
    }
    return step;
  }

  torch::Tensor plain_log_probability(const torch::Tensor& rows, const torch::Tensor& words) override {
    return model_.plain_log_probability(rows, words);
  }

  void reorder(const torch::Tensor& rows) override {
    pictures_ = pictures_.index_select(0, rows.to(torch::kCPU));  // [R]
    model_.reorder(rows);
  }

  const torch::Tensor& chances() const { return chances_; }

 private:
  WordModel& model_;
  const torch::Tensor words_;  // [U]
  torch::Tensor pictures_;     // [R] int64, of each live row
  torch::Tensor chances_;      // [B, U]
};

}  // namespace

torch::Tensor word_chances(WordModel& model, const torch::Tensor& words, const DecodeOptions& decode) {
  const torch::NoGradGuard no_grad;
  Overheard overheard(model, words);
  beam_search(overheard, decode);
  return overheard.chances();  // [B, U]
}

}  // namespace attend
