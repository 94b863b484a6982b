#include "app/model_file.h"

#include <cstdlib>
#include <vector>

#include "base/error.h"

namespace attend {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> models_in(const fs::path& folder) {
  std::vector<fs::path> models;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error))
    if (entry->path().extension() == ".safetensors") models.push_back(entry->path());
  return models;
}

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
  const auto models = models_in(folder);
  if (models.empty()) throw InputError(folder.string() + ": there is no model (*.safetensors) in it" + advice);
  if (models.size() > 1) throw InputError(folder.string() + ": there are several models in it" + advice);
  return models.front();
}

void ModelFile::list(OptionList& options) {
  options.section("", "Model");
  options.add("model", model, "model file; without it, ATTEND_MODEL or the model that comes with attend");
  options.add("precision", precision, "arithmetic of the encoder's convolutions; model: as the model file says",
              one_of({"model", "fp32", "bf16"}));
}

void ModelFile::choose() {
  if (model.empty()) model = embedded_model();
}

Captioner ModelFile::load(torch::Device device) const {
  Captioner captioner = load_captioner(model);
  if (precision != "model") captioner.encoder->set_precision(precision);
  captioner.to(device);
  return captioner;
}

}  // namespace attend
