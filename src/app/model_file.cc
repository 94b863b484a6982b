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

void ModelFiles::list(OptionList& options) {
  options.section("", "Model");
  options.add("model", models,
              "model file; without it, ATTEND_MODEL or the model that comes with attend. Several, which must have the "
              "same vocabulary, are an ensemble: a word's probability is the mean of theirs, decoding is by default as "
              "the first one says, and maps show the mean of their attention, or the first one's where grids or ways "
              "to resize differ");
  options.add("precision", precision, "arithmetic of encoders and decoders; model: as each model file says",
              one_of({"model", "fp32", "bf16"}));
}

void ModelFiles::choose() {
  if (models.empty()) models.push_back(embedded_model());
  for (const auto& model : models)
    if (model.empty()) throw UsageError("--model: an empty name is no file's");
}

Ensemble ModelFiles::load(torch::Device device) const {
  std::vector<Captioner> captioners;
  std::vector<std::string> sources;
  for (const auto& model : models) {
    Captioner& captioner = captioners.emplace_back(load_captioner(model));
    if (precision != "model") captioner.set_precision(precision);
    captioner.to(device);
    sources.push_back(model.string());
  }
  return Ensemble(std::move(captioners), sources);
}

Json ModelFiles::names() const {
  if (models.size() == 1) return models.front().string();
  Json names = Json::array();
  for (const auto& model : models) names.push_back(model.string());
  return names;
}

std::string joined(const Json& names) {
  if (names.is_string()) return names.get<std::string>();
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "" : ", ") + name.get<std::string>();
  return text;
}

}  // namespace attend
