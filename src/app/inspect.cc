#include <cstdio>
#include <iostream>

#include "app/commands.h"
#include "base/data_folder.h"
#include "base/error.h"
#include "base/printable.h"
#include "model/captioner.h"
#include "model/weights.h"
#include "pipeline/caption_record.h"

namespace attend {
namespace {

/// Reads a model, or says what the file is instead.
Captioner read_model(const std::filesystem::path& path) {
  try {
    return load_captioner(path);
  } catch (const InputError& not_a_model) {
    TensorMap weights;
    try {
      weights = read_weights(path);
    } catch (const InputError&) {
      throw not_a_model;
    }
    if (weights.count("decoder.embedding.weight") > 0) throw;  // a captioner's after all, with a fault
    int64_t parameters = 0;
    for (const auto& [name, tensor] : weights) parameters += tensor.numel();
    throw InputError(path.string() + ": not an attend model but plain weights, " + counted(weights.size(), "tensor") +
                     " with " + counted(static_cast<size_t>(parameters), "value") +
                     (weights.empty() ? "" : ", the first named " + quote(weights.begin()->first)) +
                     "; an encoder's weights are what `attend train --encoder-weights` takes");
  }
}

int64_t parameters_of(const Captioner& captioner, const std::string& part) {
  int64_t count = 0;
  for (const auto& [name, tensor] : captioner_state(captioner))
    if (name.rfind(part, 0) == 0) count += tensor.numel();
  return count;
}

/// Everything there is to know, in the order it is shown.
Json describe(const Captioner& captioner, const std::filesystem::path& path) {
  constexpr size_t kShownWords = 20;
  ModelOptions options = captioner.options;
  OptionList list;
  options.list(list);
  const auto grid = captioner.encoder->grid(options.encoder.input_size);
  const auto& words = captioner.vocabulary.words();
  Json model{{"file", path.string()}, {"bytes", std::filesystem::file_size(path)}};
  model.update(list.to_json());
  model["annotations"] = {{"grid", {grid[0], grid[1]}}, {"size", captioner.encoder->annotation_size()}};
  model["parameters"] = {{"encoder", parameters_of(captioner, "encoder.")},
                         {"decoder", parameters_of(captioner, "decoder.")}};
  model["vocabulary"] = {{"words", words.size()}, {"most_frequent", Json::array()}};
  constexpr size_t kSpecial = 4;  // <pad>, <start>, <end>, <unk>
  for (size_t i = kSpecial; i < words.size() && i < kSpecial + kShownWords; ++i)
    model["vocabulary"]["most_frequent"].push_back(words[i]);
  model["decode"] = captioner.decode;
  model["confidence"] = captioner.confidence.is_object() ? captioner.confidence.value("about", Json()) : Json();
  model["about"] = captioner.about;
  return model;
}

std::string text_of(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_array()) return one_line(value);
  std::string text;
  for (const auto& item : value) text.append(text.empty() ? "" : " ").append(text_of(item));
  return text;
}

/// `json` as indented lines "key  value".
void print(const Json& json, const std::string& indent) {
  for (const auto& [key, value] : json.items()) {
    if (value.is_object()) {
      if (value.empty()) continue;
      std::cout << indent << key << "\n";
      print(value, indent + "  ");
    } else {
      const std::string head =
          indent + key + std::string(key.size() + indent.size() < 24 ? 24 - key.size() - indent.size() : 1, ' ');
      std::cout << head << wrap(text_of(value), head.size()) << "\n";
    }
  }
}

}  // namespace

int inspect_command(const std::vector<std::string>& arguments) {
  const CommandSyntax syntax{
      "inspect",
      "[MODEL]",
      0,
      1,
      "Says what a model file is: encoder, attention and decoder, how pictures are brought to it, its vocabulary, how "
      "it "
      "decodes unless told otherwise, and how it was trained, with its figures and its licence. Without MODEL, the "
      "model that comes with attend.",
      {{"attend inspect runs/flickr8k/model.safetensors", "say what a model is"},
       {"attend inspect --json | jq .about", "the same for machines, of the model that comes with attend"}}};
  bool json = false;
  OptionList options;
  options.section("", "Output");
  options.add("json", json, "print it as JSON");
  const CommandLine line = parse_command_line(arguments, options, syntax);
  if (answer(line, syntax, options, std::cout)) return 0;
  const std::filesystem::path path =
      line.positional.empty() ? embedded_model("with --model FILE") : std::filesystem::path(line.positional[0]);
  const Json model = describe(read_model(path), path);
  if (json)
    std::cout << model.dump(2, ' ', false, Json::error_handler_t::replace) << "\n";
  else
    print(model, "");
  return 0;
}

}  // namespace attend
