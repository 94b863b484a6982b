#include "train/options.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/error.h"

namespace attend {

void TrainOptions::list(OptionList& options) {
  options.section("train", "Training");
  options.add(
      "encoder_weights", encoder_weights,
      "pretrained weights of the encoder: .pth, .safetensors or a Python wheel that holds one .pth; or a model of "
      "attend, of which only the encoder is taken, so that another attention may stand on it");
  options.add(
      "initial_model", initial_model,
      "model file that training goes on from: its weights and words, and, where nothing else is said, its network, "
      "input size, precision and decoding; words of the training captions that it doesn't know are added");
  options.add("features", features, "folder of the feature store; empty: \"features\" in the output folder");
  options.add("seed", seed, "seed of initial weights, shuffling, dropout and augmentation", at_least(0));
  options.add("objective", objective,
              "what training makes better: the probability of the training captions, or, from an initial model on, the "
              "CIDEr-D of captions it draws itself",
              one_of({"cross_entropy", "self_critical"}));
  options.add("epochs", epochs, "passes over the training split", between(1, 100000));
  options.add("max_steps", max_steps, "stop after so many steps; 0: no limit", at_least(0));
  options.add("batch_size", batch_size, "pictures a step, each with all its captions", between(1, 65536));
  options.add("min_word_count", min_word_count,
              "words rarer than this in the training captions and sentences become <unk>", at_least(1));
  options.add("sentence_share", sentence_share,
              "share of a step's captions that are of data.sentences, taught with the picture left out (annotations of "
              "zeros), so that the decoder learns more of the language than captions of pictures say",
              between(0, 0.95));
  options.add("sentence_epochs", sentence_epochs, "epochs that learn from sentences, the first ones; 0: all",
              at_least(0));
  options.add("optimizer", optimizer, "update rule", one_of({"adamw", "adam", "rmsprop"}));
  options.add("learning_rate", learning_rate, "of the decoder, at its highest", between(0, 10));
  options.add("encoder_learning_rate", encoder_learning_rate, "of the encoder's trained stages", between(0, 10));
  options.add("weight_decay", weight_decay, "of matrices, not of biases", between(0, 1));
  options.add("schedule", schedule, "how the learning rate falls", one_of({"cosine", "plateau", "constant"}));
  options.add("warmup_steps", warmup_steps, "steps of linear warm-up", at_least(0));
  options.add("plateau_factor", plateau_factor,
              "schedule plateau: factor on the rate after an epoch without a better validation CIDEr",
              between(0.01, 1));
  options.add("clip_norm", clip_norm, "largest norm of a step's whole gradient; 0: no limit", at_least(0));
  options.add("averaging", averaging, "decay of the weight average that is validated and kept; 0: none",
              between(0, 0.999999));
  options.add("label_smoothing", label_smoothing, "share of each target spread over the vocabulary", between(0, 0.9));
  options.add(
      "teacher", teacher,
      "model file of a captioner that the model learns from, beside the training captions; may be repeated: their "
      "mean is learnt");
  options.add(
      "distillation_weight", distillation_weight,
      "share of the loss that is the divergence from the teachers' distributions over the next word; the training "
      "captions have the rest",
      between(0, 1));
  options.add("teacher_temperature", teacher_temperature,
              "of each teacher's distribution; below 1 teachers are surer of their likeliest words", between(0.01, 10));
  options.add("doubly_stochastic", doubly_stochastic, "lambda of the doubly stochastic regularizer", at_least(0));
  options.add("doubly_stochastic_form", doubly_stochastic_form,
              "the paper's sum over cells, or a mean that doesn't depend on the grid", one_of({"sum", "mean"}));
  options.add("reinforce_weight", reinforce_weight, "lambda_r: weight of REINFORCE, hard attention", at_least(0));
  options.add("entropy_weight", entropy_weight, "lambda_e: weight of the entropy of hard attention", at_least(0));
  options.add("baseline_decay", baseline_decay, "decay of REINFORCE's moving average baseline", between(0, 0.999999));
  options.add(
      "location_credit", location_credit,
      "words whose log-probability a sampled location is credited with: its own and the rest, or the whole caption",
      one_of({"rest", "caption"}));
  options.add("reward_samples", reward_samples, "objective self_critical: captions drawn for each picture",
              between(1, 1000));
  options.add(
      "reward_baseline", reward_baseline,
      "objective self_critical: what a sample's reward is compared with: the mean of the picture's other samples, "
      "or the reward of the greedy caption",
      one_of({"mean", "greedy"}));
  options.add("reward_bleu", reward_bleu,
              "objective self_critical: weight of BLEU-4 (smoothed, of the sentence) beside CIDEr-D's 1 in the reward",
              between(0, 1000));
  options.add("reward_meteor", reward_meteor,
              "objective self_critical: weight of METEOR beside CIDEr-D's 1 in the reward; makes captions say more",
              between(0, 1000));
  options.add(
      "reward_temperature", reward_temperature,
      "objective self_critical: temperature of the distribution that samples are drawn from and that is trained; "
      "below 1 for a model trained with label smoothing, which leaves much probability with unlikely words",
      between(0.01, 10));
  options.add("reward_cross_entropy", reward_cross_entropy,
              "objective self_critical: weight of the cross-entropy of the training captions in the loss", at_least(0));
  options.add("fine_tune_stages", fine_tune_stages, "last stages of the encoder that are trained", between(0, 1000));
  options.add("fine_tune_from", fine_tune_from,
              "first epoch that trains them; until then annotations come from the feature store", at_least(1));
  options.add("patience", patience, "epochs without a better validation CIDEr before training stops; 0: never",
              at_least(0));
  options.add(
      "keep", keep,
      "the epoch whose weights the model file holds: the one with the best validation CIDEr (ROUGE-L where CIDEr is 0 "
      "for any caption), or the last",
      one_of({"best", "last"}));
  options.add("validation_beam", validation_beam, "beam width of the captions decoded for validation",
              between(1, 1000));
  options.add("log_every", log_every, "steps between lines of the log", at_least(1));
}

void TrainOptions::check() const {
  if (objective != "self_critical") return;
  if (initial_model.empty())
    throw UsageError(
        "train.objective self_critical: it betters a model that captions already; name one with "
        "train.initial_model");
  if (!teacher.empty() && reward_cross_entropy == 0)
    throw UsageError(
        "train.teacher: teachers say how likely the words of the training captions are, which objective "
        "self_critical doesn't look at; set train.reward_cross_entropy above 0");
  if (reward_baseline == "mean" && reward_samples < 2)
    throw UsageError(
        "train.reward_samples 1: the baseline \"mean\" compares samples of a picture; draw at least 2, or set "
        "train.reward_baseline to greedy");
}

void AboutOptions::list(OptionList& options) {
  options.section("about", "What the model file says of itself", "about_");
  options.add("name", name, "what the model is called");
  options.add("description", description, "what it was trained on, what it is good and bad at");
  options.add("licence", licence, "licence of the weights, and of what they were made from");
}

double schedule_factor(const TrainOptions& options, int64_t step, int64_t steps) {
  const double warmup = options.warmup_steps;
  const double factor = warmup > 0 ? std::min(1.0, static_cast<double>(step + 1) / warmup) : 1.0;
  if (options.schedule != "cosine" || static_cast<double>(step) < warmup) return factor;
  const double progress = (static_cast<double>(step) - warmup) / std::max(1.0, static_cast<double>(steps) - warmup);
  return 0.5 * (1 + std::cos(std::numbers::pi * std::min(1.0, progress)));
}

}  // namespace attend
