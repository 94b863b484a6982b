#include "pipeline/open_models.h"

namespace attend {

Ensemble make_ensemble(std::vector<Captioner> captioners, const std::vector<std::string>& sources,
                       const ModelChoice& choice, torch::Device device) {
  check_input_size(choice.input_size);
  for (auto& captioner : captioners) {
    if (choice.precision != "model") captioner.set_precision(choice.precision);
    if (choice.input_size > 0) {
      captioner.options.encoder.input_size = choice.input_size;
      check_model_options(captioner.options);
    }
    captioner.to(device);
  }
  return Ensemble(std::move(captioners), sources);
}

Ensemble open_models(const ModelChoice& choice, torch::Device device) {
  std::vector<Captioner> captioners;
  std::vector<std::string> sources;
  for (const auto& model : choice.models) {
    captioners.push_back(load_captioner(model));
    sources.push_back(model.string());
  }
  return make_ensemble(std::move(captioners), sources, choice, device);
}

std::string credit_of(const Ensemble& ensemble) {
  if (ensemble.size() > 1) return "by attend, an ensemble of " + std::to_string(ensemble.size()) + " models";
  const Json& about = ensemble.first().about;
  const auto name = about.find("name");
  return name != about.end() && name->is_string() ? "by attend, model " + name->get<std::string>() : "by attend";
}

}  // namespace attend
