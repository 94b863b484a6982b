// How sure a caption is: the probability that it is among the better half of its model's captions, from what is known of it
// anyway. docs/confidence.md says how good that is.
//
// B pictures · L grid cells
#pragma once

#include <torch/torch.h>

#include <string>
#include <vector>

#include "decode/caption.h"
#include "decode/logistic.h"
#include "model/captioner.h"

namespace attend {

/// What a confidence is made of, in this order:
///   0  mean of the words' plain log-probabilities, <end> included
///   1  least of them
///   2  words, <end> included
///   3  mean of the words' plain probabilities, each counting by the square of its rarity (minus the logarithm of its
///      frequency in the training captions; 1 each where the vocabulary has no counts), <end> not
///   4  largest rarity
///   5  mean entropy of the words' attention, nats
/// and where the model knows the pictures it was trained on
///   6  logarithm of the distance from them
///   7… coordinates along the widest principal directions, kEvidenceDirections of them or fewer
constexpr int64_t kEvidenceDirections = 8;

/// How many that are.
size_t evidence_size(const std::optional<Familiarity>& familiarity);

/// Of the best caption of each picture; place: of the pictures, or null.
std::vector<std::vector<double>> evidence_of(const std::vector<std::vector<Caption>>& captions,
                                             const Vocabulary& vocabulary, const Familiarity::Place* place);

/// What `attend calibrate` fits and a model file keeps, as JSON (Captioner::confidence).
struct Calibration {
  LogisticRegression regression;
  double familiar_within = 0;   // distance from training's pictures; 0: unknown
  Json made_with;               // settings_of() of what it was fitted on
  Json about = Json::object();  // what it was fitted on and its figures, for those who read it

  /// The probability of a caption with this evidence. A picture of `distance` beyond familiar_within has the less, and none
  /// from 1.25 times that on: there was nothing like it to fit on.
  double confidence(const std::vector<double>& evidence, double distance) const;

  Json to_json() const;
  /// Throws InputError that names `source` where it isn't what to_json() gave, for `evidence` numbers.
  static Calibration parse(const Json& json, size_t evidence, const std::string& source);
};

/// What a calibration depends on beside the model: the size of its inputs and how it decodes.
Json settings_of(const Captioner& captioner, const DecodeOptions& options);

/// "" where both are the same, or else "beam_width 5, now 1": the first setting that isn't.
std::string difference_of(const Json& made_with, const Json& now);

}  // namespace attend
