// How a captioner is trained.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/options.h"

namespace attend {

struct TrainOptions {
  std::filesystem::path encoder_weights;  // .pth, .safetensors or wheel with the encoder's pretrained weights
  std::filesystem::path initial_model;    // model file whose weights and vocabulary training begins with; empty: random
  std::filesystem::path features;         // folder of the feature store; empty: inside the output folder
  int64_t seed = 1;
  std::string objective = "cross_entropy";  // cross_entropy | self_critical
  int epochs = 10;
  int max_steps = 0;       // stop after so many steps in all; 0: no such limit
  int batch_size = 32;     // pictures, each with all its captions
  int min_word_count = 5;  // words rarer than this in the training captions and sentences become <unk>
  double sentence_share =
      0.5;                  // of a step's captions that are sentences without a picture, where data.sentences is set
  int sentence_epochs = 0;  // epochs that learn from sentences too, the first ones; 0: all
  std::string optimizer = "adamw";  // adamw | adam | rmsprop
  double learning_rate = 1e-3;
  double encoder_learning_rate = 1e-4;
  double weight_decay = 0.01;
  std::string schedule = "cosine";  // cosine | plateau | constant
  int warmup_steps = 200;
  double plateau_factor = 0.5;  // of the learning rate, after an epoch without a better validation CIDEr
  double clip_norm = 5;         // of the whole gradient; 0: no clipping
  double averaging = 0.998;     // exponential moving average of the weights that is validated and kept; 0: none
  double label_smoothing = 0.1;
  std::vector<std::filesystem::path> teacher;   // model files whose words' probabilities are learnt (distillation)
  double distillation_weight = 0.5;             // of what they say; the training captions have the rest
  double teacher_temperature = 1;               // of each teacher's distribution
  double doubly_stochastic = 0;                 // lambda of equation 14
  std::string doubly_stochastic_form = "mean";  // sum (the paper's) | mean (independent of the grid's size)
  double reinforce_weight = 1;                  // lambda_r of equation 12, hard attention
  double entropy_weight = 0.002;                // lambda_e of equation 12
  double baseline_decay = 0.9;                  // of the moving average that is REINFORCE's baseline (section 4.1)
  std::string location_credit = "rest";  // words a sampled location is credited with: rest | caption (the paper's)
  int reward_samples = 5;                // self-critical: captions drawn for each picture
  std::string reward_baseline = "mean";  // self-critical: mean (of the picture's other samples) | greedy
  double reward_bleu = 0;                // self-critical: BLEU-4's weight in the reward; CIDEr-D's is 1
  double reward_meteor = 0;              // self-critical: METEOR's weight in the reward
  double reward_temperature = 1;  // self-critical: of the distribution that captions are drawn from and that is trained
  double reward_cross_entropy = 0;  // self-critical: weight of the cross-entropy that is added to the loss
  int fine_tune_stages = 0;         // last stages of the encoder that are trained
  int fine_tune_from = 1;           // first epoch in which they are; before it, annotations come from the feature store
  int patience = 0;                 // epochs without a better validation CIDEr before training stops; 0: never
  std::string keep = "best";        // the weights of which epoch the model file holds: best | last
  int validation_beam = 3;          // beam width of the captions decoded for validation
  int log_every = 20;               // steps between lines of the log

  void list(OptionList& options);
  /// Throws UsageError where two of them contradict each other.
  void check() const;
};

/// What a model file says of itself beside figures and recipe.
struct AboutOptions {
  std::string name, description, licence;

  void list(OptionList& options);
};

/// The learning rate's factor at `step` (from 0) of `steps`: linear warm-up, then cosine to 0 (Loshchilov and Hutter
/// 2017) or constant.
double schedule_factor(const TrainOptions& options, int64_t step, int64_t steps);

}  // namespace attend
