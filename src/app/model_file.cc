#include "app/model_file.h"

#include <algorithm>

#include "base/data_folder.h"
#include "base/error.h"
#include "model/safetensors.h"

namespace attend {

void ModelFiles::list(OptionList& options) {
  options.section("", "Model");
  options.add("model", models,
              "model file; without it, ATTEND_MODEL or the model that comes with attend. Several, which must have the "
              "same vocabulary, are an ensemble: a word's probability is the mean of theirs, decoding is by default as "
              "the first one says, and maps show the mean of their attention, or the first one's where grids or ways "
              "to resize differ");
  options.add(
      "precision", precision,
      "arithmetic of encoders and decoders; int8: decoders and EfficientNet-Lite encoders in 8-bit integers where the "
      "processor has instructions for them, fastest and as good, though one caption in six is another; model: as "
      "each model file says, the one that comes with attend int8",
      one_of({"model", "fp32", "bf16", "int8"}));
  options.add(
      "input_size", input_size,
      "side of the square that pictures are brought to, pixels; smaller is faster, and much larger than a model "
      "was trained on worse; 0: as each model file says",
      between(0, kMostInputSize));
}

void ModelFiles::choose() {
  if (models.empty()) models.push_back(embedded_model("with --model FILE"));
  for (const auto& model : models)
    if (model.empty()) throw UsageError("--model: an empty name is no file's");
  check_input_size(input_size);
}

Json ModelFiles::names() const {
  if (models.size() == 1) return models.front().string();
  Json names = Json::array();
  for (const auto& model : models) names.push_back(model.string());
  return names;
}

namespace {

std::filesystem::path named_model(const std::vector<std::string>& arguments, bool positional) {
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i].starts_with("--model=")) return arguments[i].substr(8);
    if (arguments[i] == "--model" && i + 1 < arguments.size()) return arguments[i + 1];
    if (positional && !arguments[i].starts_with("-")) return arguments[i];
  }
  return embedded_model("with --model FILE");
}

}  // namespace

void show_model_defaults(const std::vector<std::string>& arguments, bool positional, DecodeOptions& decode,
                         CommandSyntax& syntax) {
  if (!asks_for_help(arguments)) return;
  try {
    const auto model = named_model(arguments, positional);
    const Json metadata = read_safetensors(model).metadata;
    OptionList list;
    DecodeOptions of_model;
    of_model.list(list);
    list.read_json({{"decode", parse_json(metadata.value("decode", "{}"), model.string())}}, model.string());
    decode = of_model;
    syntax.description += " Decoding's defaults, below, are those of " + model.filename().string() + ".";
  } catch (const Error&) {
    syntax.description += " Decoding's defaults are the model's; those below hold where it has none.";
  }
}

}  // namespace attend
