// B pictures · n captions a picture · R live rows · V words
#include "decode/sample.h"

#include <limits>

#include "text/vocabulary.h"

namespace attend {
namespace {

using torch::Tensor;

/// One word for each row of the logits, by inverting the cumulative distribution: [R] int64 on the CPU.
Tensor draw(const Tensor& logits, double temperature) {
  const Tensor cumulative = say_log_probability(logits.to(torch::kFloat), temperature).exp().cumsum(1);  // [R, V]
  const int64_t last = cumulative.size(1) - 1;
  const Tensor total = cumulative.narrow(1, last, 1);                                 // [R, 1]
  const Tensor place = torch::rand({logits.size(0), 1}).to(logits.device()) * total;  // [R, 1]
  // Rounded up to the total, a place would fall behind the last word; below it, it falls on a word that is possible.
  const Tensor below = torch::minimum(place, total.nextafter(torch::zeros_like(total)));  // [R, 1]
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
  std::vector<Sample*> live;  // captions that haven't ended
  std::vector<int64_t> rows;  // a row a caption from the start: hard attention looks for each on its own
  for (int64_t b = 0; b < pictures; ++b) {
    for (auto& caption : captions[b]) live.push_back(&caption), rows.push_back(b);
  }
  model.reorder(torch::tensor(rows, torch::kInt64));
  Tensor words = torch::full({pictures * n}, Vocabulary::kStart, torch::kInt64);  // [R]
  for (int length = 1; length <= options.max_length && !live.empty(); ++length) {
    const auto step = model.step(words);
    const Tensor drawn = draw(step.logits, options.temperature);                                            // [R]
    const Tensor looked = step.location.defined() ? step.location.to(torch::kCPU).contiguous() : Tensor();  // [R]
    const auto* word = drawn.data_ptr<int64_t>();
    std::vector<Sample*> going;
    std::vector<int64_t> parents, said;
    for (size_t r = 0; r < live.size(); ++r) {
      live[r]->locations.push_back(looked.defined() ? looked.data_ptr<int64_t>()[r] : -1);
      if (word[r] == Vocabulary::kEnd) {
        live[r]->ended = true;
        continue;
      }
      live[r]->words.push_back(word[r]);
      going.push_back(live[r]);
      parents.push_back(static_cast<int64_t>(r));
      said.push_back(word[r]);
    }
    live = std::move(going);
    words = torch::tensor(said, torch::kInt64);  // [R]
    if (!live.empty()) model.reorder(torch::tensor(parents, torch::kInt64));
  }
  return captions;
}

}  // namespace attend
