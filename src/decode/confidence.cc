// B pictures · L grid cells
#include "decode/confidence.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace attend {
namespace {

/// How rare each word of the vocabulary is.
double rarity(const Vocabulary& vocabulary, int64_t word) {
  const auto& counts = vocabulary.counts();
  if (counts.empty()) return 1;
  const auto count = static_cast<double>(counts[static_cast<size_t>(word)]);
  const auto captions = static_cast<double>(counts[Vocabulary::kEnd]);
  return std::max(0.0, std::log(captions / std::max(count, 1.0)));
}

/// Mean over words of the entropy of alpha [T, L], nats.
double mean_entropy(const torch::Tensor& alpha) {
  double sum = 0;
  const auto weights = alpha.to(torch::kCPU, torch::kFloat).contiguous();  // [T, L]
  for (const float* weight = weights.data_ptr<float>(); weight != weights.data_ptr<float>() + weights.numel(); ++weight)
    if (*weight > 0) sum -= *weight * std::log(*weight);
  return alpha.size(0) > 0 ? sum / static_cast<double>(alpha.size(0)) : 0;
}

std::vector<double> evidence_of(const Caption& caption, const Vocabulary& vocabulary) {
  const auto& words = caption.plain_word_log_probability;
  double sum = 0, least = 0, weight = 0, weighted = 0, rarest = 0;
  for (const double word : words) sum += word, least = std::min(least, word);
  for (size_t t = 0; t < caption.words.size(); ++t) {
    const double rare = rarity(vocabulary, vocabulary.id(caption.words[t]));
    weight += rare * rare;
    weighted += rare * rare * std::exp(words[t]);
    rarest = std::max(rarest, rare);
  }
  const auto count = static_cast<double>(words.size());
  return {count > 0 ? sum / count : 0,        least,  count,
          weight > 0 ? weighted / weight : 0, rarest, mean_entropy(caption.alpha)};
}

template <class T>
T value(const Json& json, const char* key) {
  return json.at(key).get<T>();
}

}  // namespace

size_t evidence_size(const std::optional<Familiarity>& familiarity) {
  return 6 + (familiarity ? 1 + static_cast<size_t>(std::min(kEvidenceDirections, familiarity->directions())) : 0);
}

std::vector<std::vector<double>> evidence_of(const std::vector<std::vector<Caption>>& captions,
                                             const Vocabulary& vocabulary, const Familiarity::Place* place) {
  std::vector<std::vector<double>> evidence;
  for (size_t b = 0; b < captions.size(); ++b) {
    auto& numbers = evidence.emplace_back(evidence_of(captions[b].front(), vocabulary));
    if (!place) continue;
    const auto row = static_cast<int64_t>(b);
    numbers.push_back(std::log(std::max(place->distance[row].item<double>(), 1e-9)));
    const auto coordinates = place->coordinates[row].contiguous();  // [K]
    const float* values = coordinates.data_ptr<float>();
    numbers.insert(numbers.end(), values, values + std::min(kEvidenceDirections, coordinates.size(0)));
  }
  return evidence;
}

double Calibration::confidence(const std::vector<double>& evidence, double distance) const {
  constexpr double kBeyond = 0.25;
  const double far = familiar_within > 0 ? std::max(0.0, distance / familiar_within - 1) : 0;
  return regression.probability(evidence) * std::max(0.0, 1 - far / kBeyond);
}

Json Calibration::to_json() const {
  return {{"about", about},
          {"made_with", made_with},
          {"familiar_within", familiar_within},
          {"mean", regression.mean},
          {"deviation", regression.deviation},
          {"weights", regression.weights},
          {"intercept", regression.intercept}};
}

Calibration Calibration::parse(const Json& json, size_t evidence, const std::string& source) {
  try {
    Calibration read;
    read.about = json.at("about");
    read.made_with = json.at("made_with");
    read.familiar_within = value<double>(json, "familiar_within");
    read.regression = {value<std::vector<double>>(json, "mean"), value<std::vector<double>>(json, "deviation"),
                       value<std::vector<double>>(json, "weights"), value<double>(json, "intercept")};
    const auto fits = [&](const std::vector<double>& numbers) { return numbers.size() == evidence; };
    if (fits(read.regression.weights) && fits(read.regression.mean) && fits(read.regression.deviation)) return read;
  } catch (const Json::exception&) {
  }
  throw InputError(source +
                   ": its confidence is none that this attend knows; the file is damaged, or calibrate it anew");
}

Json settings_of(const Captioner& captioner, const DecodeOptions& options) {
  DecodeOptions decode = options;
  OptionList list;
  decode.list(list);
  Json settings = list.to_json()["decode"];
  settings.erase("n_best");  // as many as are wanted; the best one is the same
  settings["input_size"] = captioner.options.encoder.input_size;
  settings["resize"] = captioner.options.encoder.resize;
  return settings;
}

std::string difference_of(const Json& made_with, const Json& now) {
  DecodeOptions plain;  // what an option was before a calibration knew of it
  OptionList list;
  plain.list(list);
  const Json before = list.to_json()["decode"];
  for (const auto& [key, value] : now.items()) {
    const auto there = made_with.contains(key) ? made_with[key] : before.value(key, Json());
    if (there != value) return key + " " + (there.is_null() ? "unknown" : there.dump()) + ", now " + value.dump();
  }
  return "";
}

}  // namespace attend
