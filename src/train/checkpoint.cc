#include "train/checkpoint.h"

#include "base/error.h"
#include "model/safetensors.h"

namespace attend {
namespace {

const std::string kWeights = "weights/", kOptimizer = "optimizer/";

TensorMap below(const TensorMap& all, const std::string& prefix) {
  TensorMap some;
  for (const auto& [name, tensor] : all)
    if (name.rfind(prefix, 0) == 0) some[name.substr(prefix.size())] = tensor;
  return some;
}

/// "train.epochs" for the first option in which two recipes differ, or "".
std::string first_difference(const Json& a, const Json& b) {
  for (const auto& [section, members] : b.items())
    for (const auto& [key, value] : members.items())
      if (!a.contains(section) || !a[section].contains(key) || a[section][key] != value) return section + "." + key;
  return "";
}

}  // namespace

void save_checkpoint(const std::filesystem::path& path, const Captioner& captioner, const Optimizer& optimizer,
                     const Progression& progression, const Json& recipe) {
  TensorMap tensors;
  for (const auto& [name, tensor] : captioner_state(captioner)) tensors[kWeights + name] = tensor.detach();
  for (const auto& [name, tensor] : optimizer.state()) tensors[kOptimizer + name] = tensor;
  const Json stands{{"step", progression.step},
                    {"best_cider", progression.best_cider},
                    {"epochs_since_best", progression.epochs_since_best},
                    {"plateau", progression.plateau},
                    {"baseline", progression.baseline},
                    {"validated_epochs", progression.validated_epochs}};
  write_safetensors(path, tensors,
                    {{"format", "attend-checkpoint"}, {"progression", stands.dump()}, {"recipe", recipe.dump()}});
}

Progression load_checkpoint(const std::filesystem::path& path, Captioner& captioner, Optimizer& optimizer,
                            const Json& recipe) {
  const auto file = read_safetensors(path);
  Progression progression;
  try {
    if (file.metadata.at("format") != "attend-checkpoint") throw InputError(path.string() + ": not a checkpoint");
    const Json stands = Json::parse(file.metadata.at("progression").get<std::string>());
    progression = {stands.at("step"), stands.at("best_cider"), stands.at("epochs_since_best"), stands.at("plateau"),
                   stands.at("baseline"), stands.at("validated_epochs")};
    const std::string option = first_difference(Json::parse(file.metadata.at("recipe").get<std::string>()), recipe);
    if (!option.empty())
      throw UsageError(path.string() + ": this run was begun with another " + option +
                       "; go on with its own configuration or choose another output folder");
  } catch (const Json::exception&) {
    throw InputError(path.string() + ": its metadata is damaged");
  }
  load_captioner_state(captioner, below(file.tensors, kWeights), path.string());
  optimizer.load(below(file.tensors, kOptimizer), path.string());
  return progression;
}

}  // namespace attend
