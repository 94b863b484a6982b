// B pictures · M captioners · R live rows · L grid cells · D annotation size · N words in all captions together · V words
#include "decode/ensemble.h"

#include <algorithm>
#include <cmath>

#include "base/printable.h"
#include "model/pictures.h"
#include "text/word_families.h"

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

/// log of the mean of the distributions that each one's logits [R, V] stand for: [R, V].
torch::Tensor log_mean_probability(std::vector<torch::Tensor> logits) {
  for (auto& one : logits) one = one.log_softmax(1);                                        // [R, V]
  return torch::stack(logits).logsumexp(0) - std::log(static_cast<double>(logits.size()));  // [R, V]
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
  std::vector<torch::Tensor> logits{mean.logits}, alphas{mean.alpha};  // [R, V], [R, L] each
  for (size_t m = 1; m < members_.size(); ++m) {
    const Step step = members_[m]->step(words);
    logits.push_back(step.logits);
    alphas.push_back(step.alpha);
  }
  mean.logits = log_mean_probability(logits);  // [R, V]
  mean.normalizer = torch::Tensor();
  if (mean_alpha_) mean.alpha = torch::stack(alphas).mean(0);  // [R, L]
  return mean;
}

torch::Tensor MeanWordModel::plain_log_probability(const torch::Tensor& rows, const torch::Tensor& words) {
  std::vector<torch::Tensor> members;  // [n] each
  for (auto& member : members_) {
    members.push_back(member->plain_log_probability(rows, words));
    if (!members.back().defined()) return {};
  }
  return torch::logsumexp(torch::stack(members), 0) - std::log(static_cast<double>(members.size()));  // [n]
}

void MeanWordModel::reorder(const torch::Tensor& rows) {
  for (auto& member : members_) member->reorder(rows);
}

Ensemble::Ensemble(std::vector<Captioner> captioners, const std::vector<std::string>& sources)
    : captioners_(std::move(captioners)), source_(sources.front()) {
  const auto grid = [](const Captioner& captioner) {
    return captioner.encoder->grid(captioner.options.encoder.input_size);
  };
  for (size_t m = 0; m < captioners_.size(); ++m) {
    const Captioner& captioner = captioners_[m];
    require_same_vocabulary(first().vocabulary, sources.front(), captioner.vocabulary, sources[m]);
    const EncoderOptions& encoder = captioner.options.encoder;
    input_of_.push_back(find(inputs_, [&](const EncoderOptions& input) { return same_form(input, encoder); }));
    if (input_of_.back() == inputs_.size()) inputs_.push_back(encoder);
    encoder_of_.push_back(find(
        captioners_, [&](const Captioner& other) { return &other == &captioner || same_encoder(other, captioner); }));
    maps_agree_ &= grid(captioner) == grid(first()) && encoder.resize == first().options.encoder.resize;
  }
  const auto counted = [](const Captioner& captioner) { return !captioner.vocabulary.counts().empty(); };
  if (const size_t m = find(captioners_, counted); m < captioners_.size())
    for (auto& captioner : captioners_)
      if (!counted(captioner)) captioner.vocabulary = captioners_[m].vocabulary;
  families_ = word_families(first().vocabulary.words());
  if (!first().confidence.is_null())
    calibration_ = Calibration::parse(first().confidence, evidence_size(first().familiarity), source_);
}

std::string Ensemble::confidence_fault(const DecodeOptions& options) const {
  if (size() > 1) return "it isn't known of several models together";
  if (!calibration_) return source_ + " isn't calibrated: see attend calibrate";
  const auto difference = difference_of(calibration_->made_with, settings_of(first(), options));
  return difference.empty() ? "" : source_ + " was calibrated with " + difference;
}

void Ensemble::judge(std::vector<std::vector<Caption>>& captions, const torch::Tensor& annotations,
                     const DecodeOptions& options) const {
  const auto& model = first();
  std::optional<Familiarity::Place> place;
  if (model.familiarity) place = model.familiarity->place(mean_directions(annotations));
  const bool sure = confidence_fault(options).empty();
  const bool known = calibration_ && calibration_->familiar_within > 0 && place &&
                     calibration_->made_with["input_size"] == model.options.encoder.input_size;
  auto evidence = evidence_of(captions, model.vocabulary, place ? &*place : nullptr);
  for (size_t b = 0; b < captions.size(); ++b) {
    Caption& best = captions[b].front();
    best.evidence = std::move(evidence[b]);
    if (place) best.distance = place->distance[static_cast<int64_t>(b)].item<double>();
    if (known) best.familiar = best.distance <= calibration_->familiar_within;
    if (sure) best.confidence = calibration_->confidence(best.evidence, best.distance);
  }
}

void Ensemble::check(const DecodeOptions& options) const { check_decode_options(options, first(), source_); }

std::string Ensemble::remark(const DecodeOptions& options) const {
  const auto unsayable = constraints_of(options, first().vocabulary, source_).unsayable();
  if (unsayable.empty()) return "";
  std::string words;
  for (size_t i = 0; i < std::min<size_t>(unsayable.size(), 3); ++i) words += (i ? ", " : "") + quote(unsayable[i]);
  return "decode.must_not: " + source_ + " never says " + words +
         (unsayable.size() > 3 ? " and " + std::to_string(unsayable.size() - 3) + " more" : "") + " anyway";
}

std::vector<torch::Tensor> Ensemble::annotate(const std::vector<torch::Tensor>& pictures) {
  const torch::NoGradGuard no_grad;
  std::vector<torch::Tensor> annotations;  // [B, L, D] each
  for (size_t m = 0; m < captioners_.size(); ++m)
    annotations.push_back(encoder_of_[m] < m ? annotations[encoder_of_[m]]
                                             : captioners_[m].annotate(pictures[input_of_[m]]));
  return annotations;
}

MeanWordModel Ensemble::word_model(const std::vector<torch::Tensor>& annotations, const DecodeOptions& options) {
  std::vector<std::unique_ptr<WordModel>> models;
  for (size_t m = 0; m < captioners_.size(); ++m)
    models.push_back(make_word_model(captioners_[m], annotations[m], options));
  return MeanWordModel(std::move(models), maps_agree_);
}

std::vector<ForcedCaption> Ensemble::force(const std::vector<torch::Tensor>& annotations,
                                           const std::vector<GivenWords>& captions, const DecodeOptions& decode,
                                           const ForceOptions& options) {
  const torch::NoGradGuard no_grad;
  auto model = word_model(annotations, decode);
  return force_captions(model, captions, decode, options, families_);
}

std::vector<std::vector<Caption>> Ensemble::caption(const std::vector<torch::Tensor>& pictures,
                                                    const DecodeOptions& options) {
  const torch::NoGradGuard no_grad;
  const auto annotations = annotate(pictures);  // [B, L, D] each
  auto model = word_model(annotations, options);
  auto captions = search_captions(model, first().vocabulary, options, families_);
  judge(captions, annotations.front(), options);
  return captions;
}

torch::Tensor Ensemble::log_probability(const std::vector<torch::Tensor>& pictures, const PackedCaptions& captions,
                                        double temperature) {
  const torch::NoGradGuard no_grad;
  const auto annotations = annotate(pictures);  // [B, L, D] each
  std::vector<torch::Tensor> logits;            // [N, V] each
  for (size_t m = 0; m < captioners_.size(); ++m) {
    auto& decoder = *captioners_[m].decoder;
    logits.push_back(decoder.teach(decoder.remember(annotations[m]), captions).logits / temperature);
  }
  return log_mean_probability(std::move(logits));  // [N, V]
}

}  // namespace attend
