// B pictures · R live rows · L grid cells · D annotation size · V words
#include "decode/caption.h"

#include <cmath>
#include <numeric>

#include "base/error.h"
#include "text/detokenize.h"
#include "text/word_families.h"

namespace attend {
namespace {

class CaptionerWordModel : public WordModel {
 public:
  /// log_prior [V]: what is taken from the logits before they are divided by the temperature; undefined: nothing.
  CaptionerWordModel(Decoder& decoder, const torch::Tensor& annotations, const std::string& locations,
                     double temperature = 1, torch::Tensor log_prior = {})
      : decoder_(decoder),
        memory_(decoder.remember(annotations)),
        temperature_(temperature),
        log_prior_(std::move(log_prior)),
        prior_weights_(log_prior_.defined() ? log_prior_.neg().exp() : torch::Tensor()) {
    memory_.locations = locations == "argmax"    ? Locations::kArgMax
                        : locations == "sampled" ? Locations::kSampled
                                                 : Locations::kExpected;
  }

  int64_t start() override {
    state_ = decoder_.start(memory_);
    const int64_t pictures = memory_.annotations.size(0);
    pictures_ =
        torch::arange(pictures, memory_.annotations.options().dtype(torch::kInt64).requires_grad(false));  // [B]
    return pictures;
  }

  Step step(const torch::Tensor& words) override {
    auto said = decoder_.step(memory_, state_, words.to(memory_.annotations.device()), pictures_);
    state_ = std::move(said.state);
    if (!adjusts()) return {said.logits, said.alpha, said.location};
    // Both normalizers, of what the model says and of what is searched, from the same exponentials.
    const auto most = said.logits.amax(1);                               // [R]
    const auto exponentials = (said.logits - most.unsqueeze(1)).exp_();  // [R, V]
    normalizer_ = exponentials.sum(1).log_() + most;                     // [R]
    torch::Tensor adjusted;                                              // [R]
    if (log_prior_.defined()) {
      said.logits.sub_(log_prior_);  // [R, V]
      if (temperature_ == 1) adjusted = exponentials.mv(prior_weights_).log_() + most;
    }
    if (temperature_ != 1) said.logits.div_(temperature_);  // [R, V]
    logits_ = said.logits;                                  // [R, V]
    return {said.logits, said.alpha, said.location, adjusted};
  }

  torch::Tensor plain_log_probability(const torch::Tensor& rows, const torch::Tensor& words) override {
    if (!adjusts()) return {};
    const auto row = rows.to(logits_.device()), word = words.to(logits_.device());  // [n] each
    auto logits = logits_.index({row, word}) * temperature_;                        // [n]
    if (log_prior_.defined()) logits += log_prior_.index_select(0, word);           // [n]
    return logits - normalizer_.index_select(0, row);                               // [n]
  }

  void reorder(const torch::Tensor& rows) override {
    const auto there = rows.to(memory_.annotations.device());  // [R]
    pictures_ = pictures_.index_select(0, there);              // [R]
    state_ = state_.select(there);
  }

 private:
  bool adjusts() const { return log_prior_.defined() || temperature_ != 1; }

  Decoder& decoder_;
  Memory memory_;
  const double temperature_;
  const torch::Tensor log_prior_;      // [V]
  const torch::Tensor prior_weights_;  // [V], exp(-log_prior)
  DecoderState state_;
  torch::Tensor logits_, normalizer_;  // [R, V] of the last step, adjusted; [R] of the model's own
  torch::Tensor pictures_;             // [R] int64
};

/// frequency^exponent of every word, as logarithms [V]; 0 for words that were never seen.
torch::Tensor log_prior(const Vocabulary& vocabulary, double exponent) {
  const auto& counts = vocabulary.counts();
  TORCH_CHECK(!counts.empty(), "frequency_exponent: the vocabulary has no counts");
  const auto captions = static_cast<double>(counts[Vocabulary::kEnd]);
  std::vector<float> logs;
  for (const int64_t count : counts)
    logs.push_back(count > 0 ? static_cast<float>(exponent * std::log(static_cast<double>(count) / captions)) : 0);
  return torch::tensor(logs);  // [V]
}

}  // namespace

double Caption::plain_log_probability() const {
  return std::accumulate(plain_word_log_probability.begin(), plain_word_log_probability.end(), 0.0);
}

DecodeOptions model_decode_options(const Captioner& captioner, const std::string& source) {
  DecodeOptions options;
  OptionList list;
  options.list(list);
  list.read_json(Json{{"decode", captioner.decode}}, source);
  return options;
}

void check_decode_options(const DecodeOptions& options, const AttentionOptions& attention) {
  options.check();
  if (options.locations != "expected" && attention.kind != "hard")
    throw UsageError("decode.locations: " + options.locations + " needs a model with hard attention; this one's is " +
                     attention.kind);
}

void check_decode_options(const DecodeOptions& options, const Captioner& captioner, const std::string& source) {
  check_decode_options(options, captioner.options.attention);
  if (options.frequency_exponent != 0 && captioner.vocabulary.counts().empty())
    throw UsageError("decode.frequency_exponent: " + source +
                     " doesn't say how often its words stand in its training "
                     "captions; leave the exponent at 0, or train a model anew");
  constraints_of(options, captioner.vocabulary, source);
}

Constraints constraints_of(const DecodeOptions& options, const Vocabulary& vocabulary, const std::string& source) {
  return {options.must, options.must_not, options.max_length, vocabulary, source};
}

std::unique_ptr<WordModel> make_word_model(Decoder& decoder, const torch::Tensor& annotations,
                                           const std::string& locations) {
  return std::make_unique<CaptionerWordModel>(decoder, annotations, locations);
}

std::unique_ptr<WordModel> make_word_model(Captioner& captioner, const torch::Tensor& annotations,
                                           const DecodeOptions& options) {
  torch::Tensor prior;  // [V]
  if (options.frequency_exponent != 0)
    prior = log_prior(captioner.vocabulary, options.frequency_exponent).to(annotations.device());
  return std::make_unique<CaptionerWordModel>(*captioner.decoder, annotations, options.locations, options.temperature,
                                              prior);
}

Caption caption_of(Hypothesis hypothesis, const Vocabulary& vocabulary) {
  Caption caption;
  for (const int64_t word : hypothesis.words) caption.words.push_back(vocabulary.word(word));
  caption.text = detokenize(caption.words);
  caption.word_log_probability = std::move(hypothesis.word_log_probability);
  caption.plain_word_log_probability = std::move(hypothesis.plain_word_log_probability);
  caption.log_probability = hypothesis.log_probability;
  caption.alpha = std::move(hypothesis.alpha);  // [T, L]
  caption.locations = std::move(hypothesis.locations);
  caption.holds_all = hypothesis.holds_all;
  return caption;
}

std::vector<std::vector<Caption>> search_captions(WordModel& model, const Vocabulary& vocabulary,
                                                  const DecodeOptions& options, const std::vector<int32_t>& families) {
  std::vector<std::vector<Caption>> captions;
  const Constraints constraints = constraints_of(options, vocabulary, "the model");
  for (auto& hypotheses : beam_search(model, options, families, constraints)) {
    auto& list = captions.emplace_back();
    for (auto& hypothesis : hypotheses) list.push_back(caption_of(std::move(hypothesis), vocabulary));
  }
  return captions;
}

std::vector<std::vector<Caption>> caption_annotations(Captioner& captioner, const torch::Tensor& annotations,
                                                      const DecodeOptions& options) {
  const torch::NoGradGuard no_grad;
  if (annotations.size(0) == 0) return {};
  return search_captions(
      *make_word_model(captioner, annotations, options), captioner.vocabulary, options,
      options.repetition_penalty > 0 ? word_families(captioner.vocabulary.words()) : std::vector<int32_t>{});
}

}  // namespace attend
