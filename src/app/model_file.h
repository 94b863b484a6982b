// The model a command runs: the file it is told, or the one that comes with attend.
#pragma once

#include <filesystem>
#include <string>

#include "base/options.h"
#include "model/captioner.h"

namespace attend {

/// The folder `name` of what comes with attend: data/NAME beside the build folder (build/release/attend → data), or
/// share/attend/NAME (installed). Throws InputError that says where it looked.
std::filesystem::path data_folder(const std::string& name);

/// The model that comes with attend: the file in ATTEND_MODEL if that is set, or else the one *.safetensors
/// in data_folder("models"). Throws InputError that says where it looked.
std::filesystem::path embedded_model();

/// Which model, and the arithmetic of its encoder.
struct ModelFile {
  std::filesystem::path model;      // empty: embedded_model()
  std::string precision = "model";  // model | fp32 | bf16

  void list(OptionList& options);
  /// Fills in the embedded model where none was named.
  void choose();
  /// Reads the chosen file and brings it to `device`.
  Captioner load(torch::Device device) const;
};

}  // namespace attend
