// `attend average`: the mean of the weights of several models (Wortsman et al. 2022, "Model soups").
#include <algorithm>
#include <iostream>

#include "app/commands.h"
#include "app/model_file.h"
#include "app/output_name.h"
#include "base/console.h"
#include "base/error.h"
#include "base/files.h"
#include "decode/confidence.h"

namespace attend {
namespace {

namespace fs = std::filesystem;

CommandSyntax average_syntax() {
  return {
      "average",
      "MODEL...",
      1,
      SIZE_MAX,
      "Writes one model whose weights are the mean of those of several. They must be the same network with the same "
      "vocabulary, and worth averaging are only models that have a common past: runs that began with the same "
      "--initial-model. Whatever is no weight is the first one's, and so is how the mean decodes, but for what flags "
      "say; the file keeps it as its default. Of a single model this is a copy with other defaults. Unlike an ensemble "
      "(attend caption --model a --model b), the mean takes no more time than one model.",
      {{"attend average a.safetensors b.safetensors --output mean.safetensors", "average two models"},
       {"attend average a.safetensors --input-size 320 --beam-width 3 --output b.safetensors",
        "the same model with other defaults"},
       {"attend evaluate --model mean.safetensors --captions val.json --images photos", "see whether it is better"}},
      {"output", "input-size", "precision", "beam-width"}};
}

/// What a mean of models says of itself: what all of them say, but for the figures of each alone; and below
/// "average_of" the file and the rest of each. A single model says what it said.
Json about_mean(const std::vector<std::string>& files, const std::vector<Json>& abouts) {
  if (abouts.size() == 1) return abouts.front();
  Json about = Json::object();
  for (const auto& [key, value] : abouts.front().items())
    if (key != "validation" && std::all_of(abouts.begin(), abouts.end(), [&, &k = key, &v = value](const Json& other) {
          return other.contains(k) && other[k] == v;
        }))
      about[key] = value;
  Json models = Json::array();
  for (size_t m = 0; m < files.size(); ++m) {
    Json& model = models.emplace_back(Json{{"file", files[m]}});
    for (const auto& [key, value] : abouts[m].items())
      if (!about.contains(key)) model[key] = value;
  }
  about["average_of"] = std::move(models);
  return about;
}

/// Leaves out what was calibrated with other settings than the mean's.
void keep_or_drop_calibration(Captioner& mean, const DecodeOptions& decode, const std::string& source) {
  if (mean.confidence.is_null()) return;
  const auto difference =
      difference_of(Calibration::parse(mean.confidence, evidence_size(mean.familiarity), source).made_with,
                    settings_of(mean, decode));
  if (difference.empty()) return;
  warn("the copy gives no confidence: " + source + " was calibrated with " + difference + "; see attend calibrate");
  mean.familiarity.reset();
  mean.confidence = Json();
}

/// The mean of the models in `files`, made in the first of them.
Captioner average(Captioner mean, const std::vector<std::string>& files) {
  const torch::NoGradGuard no_grad;
  TensorMap sum;
  for (const auto& [name, tensor] : captioner_state(mean)) sum[name] = tensor.to(torch::kDouble);
  std::vector<Json> abouts{mean.about};
  for (size_t m = 1; m < files.size(); ++m) {
    const Captioner model = load_captioner(files[m]);
    if (const auto difference = network_difference(mean.options, model.options, files[m]); !difference.empty())
      throw InputError(files.front() + ": " + difference + "; only models of the same network can be averaged");
    if (mean.options.attention.kind != model.options.attention.kind)
      throw InputError(
          files.front() + ": attention.kind is " + mean.options.attention.kind + ", but " +
          model.options.attention.kind + " in " + files[m] +
          ": weights that were learnt for a picture's mean and for single cells of it have no common mean");
    require_same_vocabulary(mean.vocabulary, files.front(), model.vocabulary, files[m]);
    for (const auto& [name, tensor] : captioner_state(model)) sum.at(name) += tensor;
    abouts.push_back(model.about);
  }
  if (files.size() > 1) mean.familiarity.reset(), mean.confidence = Json();  // these weights were never calibrated
  for (auto& [name, tensor] : sum) tensor /= static_cast<double>(files.size());
  load_captioner_state(mean, sum, files.front());
  mean.about = about_mean(files, abouts);
  return mean;
}

}  // namespace

int average_command(const std::vector<std::string>& arguments) {
  fs::path output;
  int input_size = 0;
  std::string precision = "model";
  OptionList options;
  options.section("", "Output");
  options.add("output", output, "model file to write; none of those that are averaged");
  options.add("input_size", input_size,
              "side of the square that the mean brings pictures to, pixels (32 to 4096); 0: as the first model does",
              between(0, kMostInputSize));
  options.add("precision", precision, "arithmetic that the mean captions in by default; model: as the first model says",
              one_of({"model", "fp32", "bf16", "int8"}));
  DecodeOptions decode;
  CommandSyntax described = average_syntax();
  show_model_defaults(arguments, true, decode, described);
  decode.list(options);
  const CommandLine line = parse_command_line(arguments, options, average_syntax());
  if (line.help) return answer(line, described, options, std::cout), 0;
  const std::string& source = line.positional.front();
  Captioner first = load_captioner(source);
  decode = model_decode_options(first, source);
  parse_command_line(arguments, options, average_syntax());  // what the line says counts more than what the model says
  if (answer(line, average_syntax(), options, std::cout)) return 0;
  if (output.empty()) throw UsageError("--output: say which file the mean is written to");
  check_input_size(input_size);
  check_decode_options(decode, first, source);
  check_output("--output", output, {line.positional.begin(), line.positional.end()});  // now, not when the mean is made
  Captioner mean = average(std::move(first), line.positional);
  if (input_size > 0) mean.options.encoder.input_size = input_size;
  if (precision != "model") mean.set_precision(precision);
  check_model_options(mean.options);
  mean.decode = options.to_json()["decode"];
  keep_or_drop_calibration(mean, decode, source);
  save_captioner(mean, output);
  std::cout << output.string() << "\n";
  return 0;
}

}  // namespace attend
