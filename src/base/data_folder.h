// What comes with attend, or is fetched to stand beside it: models, samples, METEOR's tables.
#pragma once

#include <filesystem>
#include <string>

namespace attend {

/// The folder `name` of what comes with attend: data/NAME beside the build folder (build/release/attend → data), or
/// share/attend/NAME (installed), as seen from the program or the shared library that this function is a part of. Throws
/// InputError that says where it looked.
std::filesystem::path data_folder(const std::string& name);

/// The model that comes with attend: the file in ATTEND_MODEL if that is set, or else everyday.safetensors in
/// data_folder("models"). Throws InputError that says where it looked, and that a model can be named `how` instead.
std::filesystem::path embedded_model(const std::string& how);

}  // namespace attend
