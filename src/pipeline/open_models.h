// Model files → captioners that are ready to run.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "decode/ensemble.h"

namespace attend {

/// Which models caption together, their arithmetic and the size of their inputs.
struct ModelChoice {
  std::vector<std::filesystem::path> models;
  std::string precision = "model";  // model | fp32 | bf16 | int8
  int input_size = 0;               // pixels; 0: as each model says
};

/// Brings captioners that were read from `sources` to `device`, as the choice has them (its files are passed over). Throws
/// InputError where they don't go together.
Ensemble make_ensemble(std::vector<Captioner> captioners, const std::vector<std::string>& sources,
                       const ModelChoice& choice, torch::Device device);

/// The same of the files that are chosen, at least one. Throws InputError where one can't be read.
Ensemble open_models(const ModelChoice& choice, torch::Device device);

/// "by attend, model everyday": what a page says of where its captions come from.
std::string credit_of(const Ensemble& ensemble);

}  // namespace attend
