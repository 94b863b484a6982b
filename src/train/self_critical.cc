// B pictures · n samples a picture · R rows · L grid cells · D annotation size · N words in all rows together · V words
#include "train/self_critical.h"

#include <numeric>

#include "base/parallel.h"
#include "decode/caption.h"
#include "train/batches.h"

namespace attend {
namespace {

using torch::Tensor;

/// The likeliest word every time, by the rules that samples are drawn by.
std::vector<std::vector<Sample>> greedy_captions(WordModel& model, int max_length) {
  DecodeOptions greedy;
  greedy.beam_width = 1;
  greedy.min_length = 0;
  greedy.max_length = max_length;
  std::vector<std::vector<Sample>> captions;
  for (auto& best : beam_search(model, greedy)) {
    auto& words = best.front().words;
    const bool ended = static_cast<int>(words.size()) < max_length;  // the search ends longer ones by force
    captions.push_back({Sample{std::move(words), ended}});
  }
  return captions;
}

double mean_of(const std::vector<std::vector<double>>& rewards) {
  double sum = 0, count = 0;
  for (const auto& list : rewards) {
    sum = std::accumulate(list.begin(), list.end(), sum);
    count += static_cast<double>(list.size());
  }
  return sum / count;
}

/// rewards [B][n] → each less the mean of the picture's others.
void subtract_mean_of_others(std::vector<std::vector<double>>& rewards) {
  for (auto& list : rewards) {
    const double sum = std::accumulate(list.begin(), list.end(), 0.0), others = static_cast<double>(list.size()) - 1;
    for (auto& reward : list) reward -= (sum - reward) / others;
  }
}

/// Where each word of the packed samples was looked for, [N]; -1 where nothing was drawn.
Tensor drawn_locations(const PackedCaptions& packed, const std::vector<std::vector<Sample>>& samples) {
  const size_t n = samples.front().size();
  std::vector<int64_t> locations;
  for (size_t t = 0; t < packed.rows_at.size(); ++t)
    for (int64_t row = 0; row < packed.rows_at[t]; ++row) {
      const size_t caption = packed.captions[static_cast<size_t>(row)];
      const auto& drawn = samples[caption / n][caption % n].locations;
      locations.push_back(t < drawn.size() ? drawn[t] : -1);
    }
  return torch::tensor(locations, torch::kInt64);  // [N]
}

}  // namespace

SelfCritical::SelfCritical(Reward reward, const Vocabulary& vocabulary, const TrainOptions& options, int max_length,
                           int threads)
    : reward_(std::move(reward)),
      vocabulary_(vocabulary),
      options_(options),
      max_length_(max_length),
      threads_(threads) {}

SelfCritical::Step SelfCritical::step(Decoder& decoder, const Tensor& annotations, const std::vector<size_t>& pictures,
                                      const std::vector<bool>& mirrored, const Share& share) const {
  // No dropout, neither here nor below. Samples drawn by one mask and taught by another would come from another
  // distribution than the one whose gradient is taken; without masks both are the one that captions are said by.
  decoder.eval();
  Samples samples, greedy;
  {
    const torch::NoGradGuard no_grad;
    const auto drawing = make_word_model(decoder, annotations, "sampled");
    samples = sample(*drawing, {options_.reward_samples, max_length_, options_.reward_temperature});
    if (options_.reward_baseline == "greedy")
      greedy = greedy_captions(*make_word_model(decoder, annotations, "expected"), max_length_);
  }

  Step done;
  auto advantages = rewards(samples, pictures, mirrored);  // [B][n]
  done.sampled_reward = mean_of(advantages);
  if (greedy.empty()) {
    subtract_mean_of_others(advantages);
  } else {
    const auto baseline = rewards(greedy, pictures, mirrored);  // [B][1]
    done.greedy_reward = mean_of(baseline);
    for (size_t b = 0; b < advantages.size(); ++b)
      for (auto& reward : advantages[b]) reward -= baseline[b].front();
  }

  std::vector<std::vector<std::vector<int64_t>>> captions;
  for (const auto& list : samples) {
    auto& words = captions.emplace_back();
    for (const auto& caption : list) words.push_back(caption.words);
  }
  auto packed = pack_captions(captions);
  packed.locations = drawn_locations(packed, samples);  // [N]
  const auto taught = decoder.teach(decoder.remember(annotations), packed);
  done.loss = policy_gradient_loss(taught, packed, samples, advantages);  // []
  if (const Tensor regularizer = doubly_stochastic_regularizer(taught, options_); regularizer.defined())
    done.loss = done.loss + regularizer;                            // []
  if (share.pictures != 1) done.loss = done.loss * share.pictures;  // [], of as many samples each
  done.words = packed.targets.size(0);
  const auto rows = static_cast<double>(packed.captions.size());
  done.sampled_length = (static_cast<double>(done.words) - rows) / rows;
  return done;
}

std::vector<std::vector<double>> SelfCritical::rewards(const Samples& samples, const std::vector<size_t>& pictures,
                                                       const std::vector<bool>& mirrored) const {
  std::vector<std::vector<double>> rewards(samples.size());
  parallel_for(samples.size(), threads_, [&](size_t b) {
    std::vector<std::vector<int64_t>> said;
    for (const auto& caption : samples[b]) said.push_back(caption.words);
    if (!mirrored.empty() && mirrored[b]) exchange_words(said, vocabulary_, "left", "right");
    std::vector<Reward::Candidate> candidates;
    for (size_t i = 0; i < said.size(); ++i) {
      auto& candidate = candidates.emplace_back();
      candidate.ended = samples[b][i].ended;
      for (const int64_t word : said[i]) candidate.words.push_back(vocabulary_.word(word));
    }
    rewards[b] = reward_.of(pictures[b], candidates);
  });
  return rewards;
}

Tensor SelfCritical::policy_gradient_loss(const TeacherForced& taught, const PackedCaptions& packed,
                                          const Samples& samples,
                                          const std::vector<std::vector<double>>& advantages) const {
  const size_t n = samples.front().size();
  const auto* target = packed.targets.data_ptr<int64_t>();
  std::vector<float> weights;  // [N]
  for (const int64_t active : packed.rows_at) {
    for (int64_t row = 0; row < active; ++row) {
      const size_t caption = packed.captions[static_cast<size_t>(row)], b = caption / n, i = caption % n;
      // Where a caption was cut off, <end> was not drawn.
      const bool drawn = target[weights.size()] != Vocabulary::kEnd || samples[b][i].ended;
      weights.push_back(drawn ? static_cast<float>(advantages[b][i]) : 0);
    }
  }
  const auto device = taught.logits.device();
  Tensor said = say_log_probability(taught.logits, options_.reward_temperature)
                    .gather(1, packed.targets.to(device).unsqueeze(1))
                    .squeeze(1);                                                                           // [N]
  if (taught.locations.defined()) said = said + location_log_probability(taught);                          // [N]
  return -(said * torch::tensor(weights).to(device)).sum() / static_cast<double>(packed.captions.size());  // []
}

}  // namespace attend
