// V words · E embedding size
#include "train/initial_model.h"

#include <algorithm>

#include "base/error.h"
#include "decode/caption.h"
#include "model/layers.h"
#include "model/weights.h"

namespace attend {
namespace {

constexpr int64_t kSpecials = Vocabulary::kUnknown + 1;

/// The numbers of the words between a word's hyphens; empty where one isn't known, or where there is no hyphen.
std::vector<int64_t> known_parts(const std::string& word, const Vocabulary& vocabulary) {
  std::vector<int64_t> parts;
  for (size_t begin = 0; begin <= word.size();) {
    const size_t end = std::min(word.find('-', begin), word.size());
    const int64_t part = vocabulary.encode({word.substr(begin, end - begin)}).front();
    if (part == Vocabulary::kUnknown) return {};
    parts.push_back(part);
    begin = end + 1;
  }
  return parts.size() > 1 ? parts : std::vector<int64_t>();
}

}  // namespace

void take_over_initial_model(TrainJob& job) {
  const Captioner model = load_captioner(job.train.initial_model);
  job.model = model.options;
  job.decode = model_decode_options(model, job.train.initial_model.string());
}

Captioner initial_captioner(const TrainJob& job) {
  const std::string source = job.train.initial_model.string();
  if (!job.train.encoder_weights.empty())
    throw UsageError("train.encoder_weights and train.initial_model are both set; the model has an encoder's weights");
  const Captioner model = load_captioner(source);
  require_same_network(job.model, model.options, source);
  Captioner captioner(job.model, model.vocabulary);
  load_captioner_state(captioner, captioner_state(model), source);
  return captioner;
}

void take_encoder_weights(Encoder& encoder, const EncoderOptions& options, const std::filesystem::path& file) {
  const std::string source = file.string();
  const TensorMap weights = read_weights(file);
  if (std::none_of(weights.begin(), weights.end(),
                   [](const auto& item) { return item.first.starts_with("decoder."); })) {
    encoder.import_weights(weights, source);
    return;
  }
  const Captioner model = load_captioner(file);
  if (const auto& family = model.options.encoder.family; family != options.family)
    throw UsageError("encoder.family is " + quote(options.family) + ", but " + quote(family) + " in " + source +
                     ": its weights don't fit; set it to the same, or take other weights for train.encoder_weights");
  encoder.load_state(model.encoder->state(), source);
}

Captioner with_words(const Captioner& captioner, Vocabulary vocabulary) {
  const torch::NoGradGuard no_grad;
  const int64_t known = captioner.vocabulary.size(), words = vocabulary.size();
  const WithoutFirstWeights all_are_given;
  Captioner grown(captioner.options, std::move(vocabulary));
  auto state = captioner_state(captioner);
  for (const auto& [name, wanted] : captioner_state(grown)) {
    auto& tensor = state.at(name);
    if (wanted.dim() == 0 || wanted.size(0) != words || tensor.size(0) != known) continue;
    const int64_t first = known > kSpecials ? kSpecials : 0;
    const auto mean = tensor.narrow(0, first, known - first).mean(0, true);  // [1, E] or [1]
    std::vector<torch::Tensor> rows{tensor};
    for (int64_t word = known; word < words; ++word) {
      const auto parts = known_parts(grown.vocabulary.word(word), captioner.vocabulary);
      rows.push_back(parts.empty() ? mean
                                   : tensor.index_select(0, torch::tensor(parts)).mean(0, true));  // [1, E] or [1]
    }
    tensor = torch::cat(rows);  // [V, E] or [V]
  }
  load_captioner_state(grown, state, "the initial model");
  return grown;
}

}  // namespace attend
