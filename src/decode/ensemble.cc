// B pictures · M captioners · R live rows · L grid cells · D annotation size · V words
#include "decode/ensemble.h"

#include <algorithm>
#include <cmath>

namespace attend {
namespace {

Json json_of(EncoderOptions encoder) {
  OptionList list;
  encoder.list(list);
  return list.to_json();
}

/// Whether both give the same annotations of the same picture.
bool same_encoder(const Captioner& a, const Captioner& b) {
  if (json_of(a.options.encoder) != json_of(b.options.encoder)) return false;
  const auto other = b.encoder->state();
  for (const auto& [name, tensor] : a.encoder->state())
    if (!torch::equal(tensor, other.at(name))) return false;
  return true;
}

/// The index of the first element that `is_same` holds for, or the number of elements.
template <class T, class Predicate>
size_t find(const std::vector<T>& list, Predicate is_same) {
  return static_cast<size_t>(std::find_if(list.begin(), list.end(), is_same) - list.begin());
}

}  // namespace

MeanWordModel::MeanWordModel(std::vector<std::unique_ptr<WordModel>> members, bool mean_alpha)
    : members_(std::move(members)), mean_alpha_(mean_alpha) {}

int64_t MeanWordModel::start() {
  int64_t pictures = 0;
  for (auto& member : members_) pictures = member->start();
  return pictures;
}

WordModel::Step MeanWordModel::step(const torch::Tensor& words) {
  Step mean = members_.front()->step(words);
  if (members_.size() == 1) return mean;
  std::vector<torch::Tensor> log_probabilities{mean.logits.log_softmax(1)}, alphas{mean.alpha};  // [R, V], [R, L] each
  for (size_t m = 1; m < members_.size(); ++m) {
    const Step step = members_[m]->step(words);
    log_probabilities.push_back(step.logits.log_softmax(1));
    alphas.push_back(step.alpha);
  }
  const double log_count = std::log(static_cast<double>(members_.size()));
  mean.logits = torch::stack(log_probabilities).logsumexp(0) - log_count;  // [R, V]
  if (mean_alpha_) mean.alpha = torch::stack(alphas).mean(0);              // [R, L]
  return mean;
}

void MeanWordModel::reorder(const torch::Tensor& rows) {
  for (auto& member : members_) member->reorder(rows);
}

Ensemble::Ensemble(std::vector<Captioner> captioners, const std::vector<std::string>& sources)
    : captioners_(std::move(captioners)) {
  const auto grid = [](const Captioner& captioner) {
    return captioner.encoder->grid(captioner.options.encoder.input_size);
  };
  for (size_t m = 0; m < captioners_.size(); ++m) {
    const Captioner& captioner = captioners_[m];
    require_same_vocabulary(first().vocabulary, sources.front(), captioner.vocabulary, sources[m]);
    const EncoderOptions& encoder = captioner.options.encoder;
    input_of_.push_back(find(inputs_, [&](const EncoderOptions& input) {
      return input.input_size == encoder.input_size && input.resize == encoder.resize;
    }));
    if (input_of_.back() == inputs_.size()) inputs_.push_back(encoder);
    encoder_of_.push_back(find(captioners_, [&](const Captioner& other) {
      return &other == &captioner || same_encoder(other, captioner);
    }));
    maps_agree_ &= grid(captioner) == grid(first()) && encoder.resize == first().options.encoder.resize;
  }
}

std::vector<std::vector<Caption>> Ensemble::caption(const std::vector<torch::Tensor>& pictures,
                                                    const DecodeOptions& options) {
  const torch::NoGradGuard no_grad;
  std::vector<torch::Tensor> annotations;  // [B, L, D] each
  std::vector<std::unique_ptr<WordModel>> models;
  for (size_t m = 0; m < captioners_.size(); ++m) {
    annotations.push_back(encoder_of_[m] < m ? annotations[encoder_of_[m]]
                                             : captioners_[m].annotate(pictures[input_of_[m]]));
    models.push_back(make_word_model(*captioners_[m].decoder, annotations.back(), options.locations,
                                     options.temperature));
  }
  MeanWordModel model(std::move(models), maps_agree_);
  return search_captions(model, first().vocabulary, options);
}

}  // namespace attend
