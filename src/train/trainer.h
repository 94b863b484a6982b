// Training: from a data set to a model file, in a folder that a later run can go on from.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "decode/caption.h"
#include "metrics/meteor_tables.h"
#include "model/captioner.h"
#include "train/options.h"
#include "train/ranks.h"
#include "vision/augment.h"

namespace attend {

/// An option that changes nothing as others stand: "train.plateau_factor", and what it is of: "train.schedule plateau".
struct Idle {
  std::string option, of;
};

/// All that a training run is made of; the sections of a recipe in configs/.
struct TrainJob {
  ModelOptions model;
  DataOptions data;
  AugmentOptions augment;
  TrainOptions train;
  DecodeOptions decode;                        // kept in the model file as its own defaults
  AboutOptions about;                          // kept in the model file
  std::shared_ptr<const MeteorTables> meteor;  // for train.reward_meteor
  std::filesystem::path output;
  torch::Device device = torch::kCPU;
  int threads = 1;
  bool resume = false;
  std::shared_ptr<Ranks> ranks = std::make_shared<Ranks>();  // the processes that train together

  /// The recipe's sections; METEOR's tables, output, device, threads, resume and ranks are the command's.
  void list(OptionList& options);
  /// Throws UsageError where options contradict each other.
  void check() const;
  /// Options that have no effect, whatever they are set to.
  std::vector<Idle> without_effect() const;
};

/// Trains and leaves in `output`:
///   model.safetensors       the weights (averaged) with the best validation CIDEr so far (ROUGE-L where CIDEr can't tell
///                           captions apart), or the last epoch's (train.keep); where train.max_steps ends the run within its
///                           first epoch, those it ends with
///   checkpoint.safetensors  everything needed to go on, after every epoch and when interrupted
///   log.jsonl               what is learnt from, then a line every log_every steps and one an epoch
///   config.json             the recipe as it ran
/// With `resume` a run that was interrupted goes on exactly where it stood: data order, dropout and augmentation depend on
/// seed and step alone; products are computed by the calling thread with as many threads as LibTorch has there, and a run that
/// goes on with other ones says so. It may get more epochs than it was begun with. Decode options and what the model says of itself may change between parts of a run; the model file
/// of a finished run takes them over. What is learnt from, and what will not be learnt, is said before the first step. Throws
/// UsageError when `output` holds a run and `resume` is not set, or one of another recipe or of other captions; Error with the step and the batch's pictures when the loss is not finite (the last checkpoint stays); Interrupted
/// after Ctrl-C or SIGTERM, with the checkpoint written.
///
/// Several ranks train the same model on the same batches: each computes its pictures' part of every step. Rank 0 reads and writes
/// `output`, which the others needn't see; the feature store has to lie where all see it. All begin with rank 0's weights, and
/// have them again after every validation. What is drawn at random (dropout, hard attention's locations, self-critical samples) is drawn
/// otherwise by another number of ranks. Throws UsageError where ranks differ in configuration or captions.
void train(const TrainJob& job);

}  // namespace attend
