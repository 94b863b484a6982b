#include "app/data_folder.h"

#include <cstdlib>

#include "base/error.h"

namespace attend {
namespace {

namespace fs = std::filesystem;

constexpr const char* kEmbedded = "everyday.safetensors";

}  // namespace

fs::path data_folder(const std::string& name) {
  const fs::path program = fs::read_symlink("/proc/self/exe").parent_path();
  std::string looked;
  for (const char* place : {"../../data", "../share/attend"}) {
    const fs::path folder = (program / place / name).lexically_normal();
    if (std::error_code error; fs::is_directory(folder, error)) return folder;
    looked += (looked.empty() ? "" : " nor ") + folder.string();
  }
  throw InputError("attend's own " + name + " are in neither " + looked);
}

fs::path embedded_model() {
  if (const char* named = std::getenv("ATTEND_MODEL"); named && *named) return named;
  const std::string advice = "; name a model with --model FILE or in the environment variable ATTEND_MODEL";
  fs::path folder;
  try {
    folder = data_folder("models");
  } catch (const InputError& error) {
    throw InputError(error.what() + advice);
  }
  const fs::path model = folder / kEmbedded;
  if (std::error_code error; !fs::exists(model, error)) throw InputError(model.string() + ": is missing" + advice);
  return model;
}

std::shared_ptr<const MeteorTables> find_meteor_tables(fs::path file) {
  if (file.empty()) {
    try {
      file = data_folder("meteor") / "english.meteor";
    } catch (const InputError&) {
      return nullptr;
    }
    if (!fs::exists(file)) return nullptr;
  }
  return std::make_shared<const MeteorTables>(file);
}

}  // namespace attend
