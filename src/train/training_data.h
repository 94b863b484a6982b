// The data of a training run: its pictures and captions, and the batches its steps learn from.
//
// B pictures in a batch · N words in all captions together · L grid cells · D annotation size · S input side
#pragma once

#include <optional>
#include <unordered_map>
#include <vector>

#include "data/dataset.h"
#include "data/feature_store.h"
#include "metrics/caption_pair.h"
#include "model/captioner.h"
#include "train/features.h"
#include "train/objective.h"
#include "train/trainer.h"

namespace attend {

/// What a step learns from, by number; of all ranks.
struct BatchPlan {
  std::vector<size_t> examples;   // indices into the data set
  std::vector<size_t> sentences;  // of those without a picture
};

/// What a step needs; of one rank.
struct Batch {
  std::vector<size_t> examples;  // indices into the data set
  std::vector<bool> mirrored;    // of each; empty: none is
  torch::Tensor pictures;        // u8 [B, S, S, 3] of changed pictures; else undefined
  torch::Tensor annotations;     // fp16 [B, L, D] from the feature store, of unchanged ones; else undefined
  std::vector<torch::Tensor> teachers_pictures;  // the same pictures, in each form that teachers want
  bool has_sentences = false;                    // they are the captions of a picture B + 1, which is left out
  PackedCaptions captions;
  torch::Tensor weights;  // fp32 [N] of words in the loss; undefined: 1
  Share share;            // of the whole batch; nothing where there were too few pictures for this rank
};

class TrainingData {
 public:
  /// Reads the captions of both splits, and the sentences; `job` must outlive this. Throws InputError where the data set is
  /// faulty, or where a training picture has no captions; UsageError for weights of what no caption says.
  explicit TrainingData(const TrainJob& job);

  const Dataset& dataset() const { return dataset_; }
  /// The examples of each split.
  const std::vector<size_t>& train() const { return train_; }
  const std::vector<size_t>& validation() const { return validation_; }
  /// Of all that is read: another file has another.
  uint64_t hash() const;

  /// The tokens of each training picture's captions.
  std::vector<std::vector<Tokens>> training_captions() const;
  /// The tokens of the captions and sentences that are learnt from, in one row.
  std::vector<Tokens> all_tokens() const;

  /// What comes from where: pictures, captions and what annotations say of themselves, by source; for people and for the log.
  std::vector<std::string> summary() const;
  Json summary_json() const;

  /// Leaves these pictures out, by file, as they can't be read. Throws InputError when a split is empty then.
  void leave_out(const std::vector<std::filesystem::path>& pictures);
  /// The files that were left out.
  const std::vector<std::filesystem::path>& left_out() const { return left_out_; }
  /// Reads every picture once, and leaves those out that can't be read, with a warning each. Throws InputError when they are
  /// more than data.max_faulty of all.
  void check_pictures();

  /// Says by which numbers the captions' words go in batches; kept, so that captions are encoded once. `vocabulary` must
  /// outlive this.
  void number_words(const Vocabulary& vocabulary);

  /// How many steps an epoch has.
  int64_t steps_per_epoch() const;
  /// An epoch's batches: the same for the same seed and epoch.
  std::vector<BatchPlan> batches(int64_t epoch) const;

  /// This rank's part of a training batch. changed: pictures as this epoch augments them, left and right exchanged in the captions of
  /// mirrored ones; else their stored annotations. forms: those that teachers want. Safe to call from several threads.
  Batch load(const BatchPlan& plan, int64_t epoch, bool changed, const std::vector<EncoderOptions>& forms) const;

  /// All captions of these pictures as people gave them. Safe to call from several threads.
  PackedCaptions given_captions(const std::vector<size_t>& examples) const;

  /// Encodes all pictures that the feature store doesn't hold yet; to be called before annotations are asked for. Pictures
  /// that can't be read are left out as by check_pictures() if they may fail, and else an InputError. `captioner` must outlive
  /// this.
  void store_annotations(Captioner& captioner, bool may_fail);
  /// Annotations from the feature store, fp16 [B, L, D].
  torch::Tensor annotations(const std::vector<size_t>& examples) const;
  /// Pictures as they are, u8 [B, S, S, 3].
  torch::Tensor pictures(const std::vector<size_t>& examples, const EncoderOptions& form) const;

 private:
  /// Both splits' examples, and their files.
  std::vector<size_t> used() const;
  std::vector<std::filesystem::path> files(const std::vector<size_t>& examples) const;
  /// Examples that an epoch shows of a source.
  std::vector<size_t> shown(size_t source, int64_t epoch) const;
  std::vector<float> caption_weights(const BatchPlan& plan) const;
  /// The part of a rank, and how much of the whole it is.
  BatchPlan part_of(const BatchPlan& plan, Share& share) const;
  void take_refusals(std::vector<Refusal> refused, const std::vector<std::filesystem::path>& pictures, bool may_fail);
  torch::Tensor changed_pictures(const std::vector<size_t>& examples, int64_t epoch, const EncoderOptions& form,
                                 std::vector<bool>* mirrored = nullptr) const;

  const TrainJob& job_;
  const std::vector<DataSource> sources_;  // as Dataset::sources
  Dataset dataset_;
  std::vector<std::string> sentences_;
  std::vector<size_t> train_, validation_;
  std::vector<std::filesystem::path> left_out_;
  const Vocabulary* vocabulary_ = nullptr;
  std::vector<std::vector<std::vector<int64_t>>> words_;  // by example: each caption's word ids
  std::vector<std::vector<int64_t>> sentence_words_;      // the same of sentences
  std::vector<std::vector<float>> weights_;  // by source and origin: of a caption's words; empty: all are 1
  std::optional<FeatureStore> features_;
  std::unordered_map<size_t, size_t> store_row_;  // example → row of the feature store
  const Captioner* encoded_by_ = nullptr;         // what stands in the store
};

}  // namespace attend
