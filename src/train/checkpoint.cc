#include "train/checkpoint.h"

#include <algorithm>

#include "base/console.h"
#include "base/error.h"
#include "base/processor.h"
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

std::filesystem::path absolute(const std::filesystem::path& folder, const Json& path) {
  return (folder / path.get<std::string>()).lexically_normal();
}

/// Whether two values of a recipe mean the same: a path may be written in several ways. Relative ones of `a` start from `folder`,
/// those of `b` from the working directory.
bool same_value(const Json& a, const Json& b, const std::filesystem::path& folder) {
  if (a == b) return true;
  if (a.is_string() && b.is_string() && a != "" && b != "")
    return absolute(folder, a) == absolute(std::filesystem::current_path(), b);
  if (!a.is_structured() || a.type() != b.type() || a.size() != b.size()) return false;
  if (a.is_array())
    return std::equal(a.begin(), a.end(), b.begin(),
                      [&](const Json& one, const Json& other) { return same_value(one, other, folder); });
  for (const auto& [key, value] : b.items())
    if (!a.contains(key) || !same_value(a[key], value, folder)) return false;
  return true;
}

/// "train.optimizer" for the first option in which two recipes differ, or "". A run may get more epochs.
std::string first_difference(const Json& a, const Json& b, const std::filesystem::path& folder) {
  for (const auto& [section, members] : b.items())
    for (const auto& [key, value] : members.items()) {
      if (section == "train" && key == "epochs") continue;
      if (!a.contains(section) || !a[section].contains(key) || !same_value(a[section][key], value, folder))
        return section + "." + key;
    }
  return "";
}

/// What decides in which order sums are made, and so their last digits.
std::string order_of_sums(const Captioner& captioner) {
  if (captioner.device.is_cuda()) return "a GPU";
  const std::string kernels = loaded_blas_kernels(), threads = std::to_string(at::get_num_threads());
  return threads + (threads == "1" ? " thread" : " threads") + (kernels.empty() ? "" : " and kernels for " + kernels);
}

}  // namespace

void save_checkpoint(const std::filesystem::path& path, const Captioner& captioner, const Optimizer& optimizer,
                     const Progression& progression, const Beginning& beginning) {
  TensorMap tensors;
  for (const auto& [name, tensor] : captioner_state(captioner)) tensors[kWeights + name] = tensor.detach();
  for (const auto& [name, tensor] : optimizer.state()) tensors[kOptimizer + name] = tensor;
  const Json stands{{"step", progression.step},
                    {"best", progression.best},
                    {"epochs_since_best", progression.epochs_since_best},
                    {"plateau", progression.plateau},
                    {"baseline", progression.baseline},
                    {"validated_epochs", progression.validated_epochs}};
  Json left_out = Json::array();
  for (const auto& picture : beginning.left_out) left_out.push_back(picture.string());
  const Json data{{"hash", beginning.data}, {"left_out", std::move(left_out)}};
  write_safetensors(
      path, tensors,
      {{"format", "attend-checkpoint"},
       {"progression", stands.dump()},
       {"recipe", beginning.recipe.dump()},
       {"begun_in", beginning.folder.empty() ? std::filesystem::current_path().string() : beginning.folder.string()},
       {"computed_with", order_of_sums(captioner)},
       {"data", data.dump(-1, ' ', false, Json::error_handler_t::replace)}});
}

void Checkpoint::require_same(const Json& recipe, uint64_t data) const {
  if (const std::string option = first_difference(beginning.recipe, recipe, beginning.folder); !option.empty())
    throw UsageError(source + ": this run was begun with another " + option +
                     "; go on with its own configuration or choose another output folder");
  if (beginning.data != data)
    throw UsageError(source +
                     ": the captions aren't those that this run was begun with: they, or their splits or sentences, "
                     "were changed since; bring them back, or begin with --initial-model in another output folder");
}

void Checkpoint::restore(Captioner& captioner, Optimizer& optimizer) const {
  load_captioner_state(captioner, below(tensors, kWeights), source);
  optimizer.load(below(tensors, kOptimizer), source);
  const std::string now = order_of_sums(captioner);
  if (!computed_with.empty() && computed_with != now)
    warn(source + ": computed with " + computed_with + ", and goes on with " + now +
         ": sums are rounded otherwise, so the run won't end with quite the weights it would have had");
}

namespace {

/// A whole number of `json` that a run can have reached.
int64_t count_in(const Json& json, const char* key, int64_t least) {
  constexpr int64_t kMost = int64_t{1} << 53;
  const int64_t value = json.at(key).get<int64_t>();
  if (!json.at(key).is_number_integer() || value < least || value > kMost)
    throw InputError(std::string("its ") + key + " is " + json.at(key).dump());
  return value;
}

}  // namespace

Checkpoint read_checkpoint(const std::filesystem::path& path) {
  auto file = read_safetensors(path);
  if (file.metadata.value("format", "") == "attend-checkpoint" && !file.metadata.contains("data"))
    throw InputError(path.string() +
                     ": of an older version of attend, which kept no sign of the captions; begin with "
                     "--initial-model in another output folder");
  Checkpoint checkpoint{path.string(), std::move(file.tensors), {}, {}, file.metadata.value("computed_with", "")};
  try {
    if (file.metadata.at("format") != "attend-checkpoint") throw InputError("not a checkpoint");
    const auto part = [&](const char* key) { return parse_json(file.metadata.at(key).get<std::string>(), key); };
    const Json stands = part("progression"), data = part("data");
    checkpoint.progression = {
        count_in(stands, "step", 0), stands.at("best"),     count_in(stands, "epochs_since_best", 0),
        stands.at("plateau"),        stands.at("baseline"), count_in(stands, "validated_epochs", -1)};
    checkpoint.beginning = {part("recipe"), data.at("hash").get<uint64_t>(), {}, {}};
    checkpoint.beginning.folder =
        file.metadata.value("begun_in", std::filesystem::current_path().string());  // older ones don't say it
    for (const auto& picture : data.at("left_out"))
      checkpoint.beginning.left_out.emplace_back(picture.get<std::string>());
    return checkpoint;
  } catch (const Json::exception&) {
    throw InputError(path.string() + ": its metadata is damaged");
  } catch (const InputError& error) {
    throw InputError(path.string() + ": " + error.what() + "; the file is damaged");
  }
}

}  // namespace attend
