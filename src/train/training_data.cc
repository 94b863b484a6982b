// B pictures in a batch · L grid cells · D annotation size · S input side
#include "train/training_data.h"

#include <algorithm>

#include "base/error.h"
#include "model/pictures.h"
#include "text/ptb_tokenizer.h"
#include "train/batches.h"
#include "train/features.h"

namespace attend {

using torch::Tensor;

TrainingData::TrainingData(const TrainJob& job)
    : job_(job),
      dataset_(read_dataset(job.data)),
      train_(dataset_.split(job.data.train_split)),
      validation_(dataset_.split(job.data.val_split)) {
  for (const size_t i : train_)
    if (dataset_.examples[i].captions.empty())
      throw InputError(dataset_.source + ": the training pictures have no captions (" +
                       dataset_.examples[i].picture.filename().string() + " is the first); nothing can be learnt of them");
}

std::vector<std::vector<Tokens>> TrainingData::training_captions() const {
  std::vector<std::vector<Tokens>> captions;
  for (const size_t i : train_) {
    auto& list = captions.emplace_back();
    for (const auto& caption : dataset_.examples[i].captions) list.push_back(caption_tokens(caption));
  }
  return captions;
}

void TrainingData::number_words(const Vocabulary& vocabulary, const std::vector<std::vector<Tokens>>& training_captions) {
  vocabulary_ = &vocabulary;
  words_.assign(dataset_.examples.size(), {});
  for (size_t i = 0; i < train_.size(); ++i)
    for (const auto& caption : training_captions[i]) words_[train_[i]].push_back(vocabulary.encode(caption));
}

std::vector<std::vector<size_t>> TrainingData::batches(int64_t epoch) const {
  return shuffled_batches(train_, job_.train.batch_size, mix(job_.train.seed, 1, epoch), [&](size_t example) {
    size_t longest = 0;
    for (const auto& caption : words_[example]) longest = std::max(longest, caption.size());
    return longest;
  });
}

Batch TrainingData::load(std::vector<size_t> examples, int64_t epoch, bool changed,
                         const std::vector<EncoderOptions>& forms) const {
  Batch batch;
  std::vector<std::vector<std::vector<int64_t>>> captions;
  for (const size_t i : examples) captions.push_back(words_[i]);
  const EncoderOptions& own = job_.model.encoder;
  if (changed) {
    batch.pictures = changed_pictures(examples, epoch, own, &batch.mirrored);  // [B, S, S, 3]
    for (size_t i = 0; i < examples.size(); ++i)
      if (batch.mirrored[i]) exchange_words(captions[i], *vocabulary_, "left", "right");
  } else {
    batch.annotations = annotations(examples);  // [B, L, D]
  }
  for (const auto& form : forms)
    batch.teachers_pictures.push_back(!changed               ? pictures(examples, form)
                                      : same_form(form, own) ? batch.pictures
                                                             : changed_pictures(examples, epoch, form));  // [B, S, S, 3]
  batch.captions = pack_captions(captions);
  batch.examples = std::move(examples);
  return batch;
}

void TrainingData::store_annotations(Captioner& captioner) {
  if (features_) return;
  encoded_by_ = &captioner;
  const auto folder = job_.train.features.empty() ? job_.output / "features" : job_.train.features;
  std::vector<std::filesystem::path> pictures;
  for (const auto* split : {&train_, &validation_})
    for (const size_t i : *split) {
      store_row_.emplace(i, pictures.size());
      pictures.push_back(dataset_.examples[i].picture);
    }
  features_.emplace(encode_features(captioner, pictures, folder, job_.threads));
}

Tensor TrainingData::annotations(const std::vector<size_t>& examples) const {
  std::vector<size_t> rows;
  for (const size_t i : examples) rows.push_back(store_row_.at(i));
  return stored_annotations(*features_, *encoded_by_, rows);  // [B, L, D]
}

Tensor TrainingData::pictures(const std::vector<size_t>& examples, const EncoderOptions& form) const {
  std::vector<cv::Mat> inputs;
  for (const size_t i : examples) inputs.push_back(load_input(dataset_.examples[i].picture, form));
  return stack_inputs(inputs);  // [B, S, S, 3]
}

/// As this epoch changes them, whatever their form, and which of them are mirrored.
Tensor TrainingData::changed_pictures(const std::vector<size_t>& examples, int64_t epoch, const EncoderOptions& form,
                                      std::vector<bool>* mirrored) const {
  std::vector<cv::Mat> inputs;
  for (const size_t i : examples) {
    std::mt19937_64 generator(mix(job_.train.seed, epoch, 2 + i));
    bool left_is_right = false;
    inputs.push_back(load_augmented_input(dataset_.examples[i].picture, form, job_.augment, generator, left_is_right));
    if (mirrored) mirrored->push_back(left_is_right);
  }
  return stack_inputs(inputs);  // [B, S, S, 3]
}

}  // namespace attend
