// B pictures · n captions a picture · R live rows · V words
#include "decode/sample.h"

#include <limits>
#include <numeric>

#include "text/vocabulary.h"

namespace attend {
namespace {

using torch::Tensor;

/// One word for each of `rows` (rows of the logits, repeats allowed), by inverting the cumulative distribution:
/// [R] int64 on the CPU.
Tensor draw(const Tensor& logits, const Tensor& rows, double temperature) {
  Tensor cumulative = say_log_probability(logits.to(torch::kFloat), temperature).exp().cumsum(1);  // [B or R, V]
  cumulative = cumulative.index_select(0, rows.to(logits.device()));                               // [R, V]
  const int64_t last = cumulative.size(1) - 1;
  const Tensor total = cumulative.narrow(1, last, 1);                                              // [R, 1]
  const Tensor place = torch::rand({rows.size(0), 1}).to(logits.device()) * total;                 // [R, 1]
  // Rounded up to the total, a place would fall behind the last word; below it, it falls on a word that is possible.
  const Tensor below = torch::minimum(place, total.nextafter(torch::zeros_like(total)));           // [R, 1]
  const Tensor words = torch::searchsorted(cumulative, below, /*out_int32=*/false, /*right=*/true).squeeze(1);  // [R]
  return words.clamp_max(last).to(torch::kCPU);  // behind the last word: logits that are no numbers; the loss shows it
}

}  // namespace

Tensor say_log_probability(const Tensor& logits, double temperature) {
  static const Tensor unsaid = torch::tensor({Vocabulary::kPad, Vocabulary::kStart, Vocabulary::kUnknown});  // [3]
  constexpr double kNever = -std::numeric_limits<double>::infinity();
  return (logits / temperature).index_fill(1, unsaid.to(logits.device()), kNever).log_softmax(1);  // [R, V]
}

std::vector<std::vector<Sample>> sample(WordModel& model, const SampleOptions& options) {
  const torch::NoGradGuard no_grad;
  const int64_t pictures = model.start(), n = options.samples;
  std::vector<std::vector<Sample>> captions(pictures, std::vector<Sample>(n));
  std::vector<Sample*> live;      // captions that haven't ended
  std::vector<int64_t> rows;      // of the step that says the next word: one row a picture at first, then one a caption
  for (int64_t b = 0; b < pictures; ++b) {
    for (auto& caption : captions[b]) live.push_back(&caption), rows.push_back(b);
  }
  Tensor words = torch::full({pictures}, Vocabulary::kStart, torch::kInt64);  // [B]
  for (int length = 1; length <= options.max_length && !live.empty(); ++length) {
    const Tensor drawn = draw(model.step(words).logits, torch::tensor(rows, torch::kInt64), options.temperature);  // [R]
    const auto* word = drawn.data_ptr<int64_t>();
    std::vector<Sample*> going;
    std::vector<int64_t> parents, said;
    for (size_t r = 0; r < live.size(); ++r) {
      if (word[r] == Vocabulary::kEnd) {
        live[r]->ended = true;
        continue;
      }
      live[r]->words.push_back(word[r]);
      going.push_back(live[r]);
      parents.push_back(rows[r]);
      said.push_back(word[r]);
    }
    live = std::move(going);
    rows.resize(live.size());
    std::iota(rows.begin(), rows.end(), 0);
    words = torch::tensor(said, torch::kInt64);  // [R]
    if (!live.empty()) model.reorder(torch::tensor(parents, torch::kInt64));
  }
  return captions;
}

}  // namespace attend
