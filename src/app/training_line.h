// The command line of what reads a recipe: train and features.
#pragma once

#include <string>
#include <vector>

#include "app/commands.h"
#include "train/trainer.h"

namespace attend {

/// Reads the line into `options`, in which `job` is listed. What an initial model says of itself (network, input size,
/// precision, ways to decode) holds where neither configuration nor flags say otherwise. A run that goes on without --config
/// is configured as it was begun.
CommandLine parse_training_line(const std::vector<std::string>& arguments, OptionList& options, TrainJob& job,
                                const CommandSyntax& syntax);

/// What training's options ask for in vain as others stand: throws UsageError for a flag of the line, and notes what a
/// configuration sets otherwise than by default.
void say_without_effect(const CommandLine& line, const OptionList& options, TrainJob& job);

}  // namespace attend
