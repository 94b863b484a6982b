// The model that a run goes on from.
#pragma once

#include <filesystem>
#include <string>

#include "model/captioner.h"
#include "train/trainer.h"

namespace attend {

/// Has `job` take its network, input, precision and ways to decode from its initial model.
void take_over_initial_model(TrainJob& job);

/// The captioner that a run with train.initial_model begins with: the job's network with that model's weights and
/// vocabulary. Throws UsageError when train.encoder_weights is set, too, or when the model is another network.
Captioner initial_captioner(const TrainJob& job);

/// Gives the encoder, which `options` describe, its weights: those that a framework published (Encoder::import_weights()) or
/// those of a model of attend, whatever its attention and decoder. Throws UsageError when that model's encoder is of another
/// family, InputError when a tensor is missing or has another shape.
void take_encoder_weights(Encoder& encoder, const EncoderOptions& options, const std::filesystem::path& file);

/// The captioner with another vocabulary, whose first words are its own. A new word begins as the mean of its parts, where it
/// is of several, joined by hyphens, that are known, or else as the mean of all words.
Captioner with_words(const Captioner& captioner, Vocabulary vocabulary);

}  // namespace attend
