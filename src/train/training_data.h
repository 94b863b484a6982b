// The data of a training run: its pictures and captions, and the batches its steps learn from.
//
// B pictures in a batch · L grid cells · D annotation size · S input side
#pragma once

#include <optional>
#include <unordered_map>
#include <vector>

#include "data/dataset.h"
#include "data/feature_store.h"
#include "metrics/caption_pair.h"
#include "model/captioner.h"
#include "train/trainer.h"

namespace attend {

/// What a step needs.
struct Batch {
  std::vector<size_t> examples;           // indices into the data set
  std::vector<bool> mirrored;             // of each; empty: none is
  torch::Tensor pictures;                 // u8 [B, S, S, 3] of changed pictures; else undefined
  torch::Tensor annotations;              // fp16 [B, L, D] from the feature store, of unchanged ones; else undefined
  std::vector<torch::Tensor> teachers_pictures;  // the same pictures, in each form that teachers want
  PackedCaptions captions;
};

class TrainingData {
 public:
  /// Reads the captions of both splits; `job` must outlive this. Throws InputError where the data set is faulty, or where
  /// a training picture has no captions.
  explicit TrainingData(const TrainJob& job);

  const Dataset& dataset() const { return dataset_; }
  /// The examples of each split.
  const std::vector<size_t>& train() const { return train_; }
  const std::vector<size_t>& validation() const { return validation_; }

  /// The tokens of each training picture's captions.
  std::vector<std::vector<Tokens>> training_captions() const;
  /// Says by which numbers the captions' words go in batches; kept, so that captions are encoded once. `vocabulary` must
  /// outlive this.
  void number_words(const Vocabulary& vocabulary, const std::vector<std::vector<Tokens>>& training_captions);

  /// The examples of each of an epoch's batches: the same for the same seed and epoch.
  std::vector<std::vector<size_t>> batches(int64_t epoch) const;

  /// A training batch. changed: pictures as this epoch augments them, left and right exchanged in the captions of
  /// mirrored ones; else their stored annotations. forms: those that teachers want. Safe to call from several threads.
  Batch load(std::vector<size_t> examples, int64_t epoch, bool changed, const std::vector<EncoderOptions>& forms) const;

  /// Encodes all pictures that the feature store doesn't hold yet; to be called before annotations are asked for.
  /// `captioner` must outlive this.
  void store_annotations(Captioner& captioner);
  /// Annotations from the feature store, fp16 [B, L, D].
  torch::Tensor annotations(const std::vector<size_t>& examples) const;
  /// Pictures as they are, u8 [B, S, S, 3].
  torch::Tensor pictures(const std::vector<size_t>& examples, const EncoderOptions& form) const;

 private:
  torch::Tensor changed_pictures(const std::vector<size_t>& examples, int64_t epoch, const EncoderOptions& form,
                                 std::vector<bool>* mirrored = nullptr) const;

  const TrainJob& job_;
  Dataset dataset_;
  std::vector<size_t> train_, validation_;
  const Vocabulary* vocabulary_ = nullptr;
  std::vector<std::vector<std::vector<int64_t>>> words_;  // by example: each caption's word ids, of training examples
  std::optional<FeatureStore> features_;
  std::unordered_map<size_t, size_t> store_row_;  // example → row of the feature store
  const Captioner* encoded_by_ = nullptr;         // what stands in the store
};

}  // namespace attend
