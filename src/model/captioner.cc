// B pictures · L = h·w grid cells · D annotation size
#include "model/captioner.h"

#include <algorithm>

#include "base/error.h"
#include "model/layers.h"
#include "model/safetensors.h"
#include "model/weights.h"

namespace attend {
namespace {

constexpr const char* kFormat = "attend-captioner";
constexpr const char* kVersion = "1";

std::string read_metadata(const SafetensorsFile& file, const char* key, const std::string& source) {
  const auto found = file.metadata.find(key);
  if (found == file.metadata.end() || !found->is_string())
    throw InputError(source + ": not an attend model: its metadata has no \"" + key + "\"");
  return found->get<std::string>();
}

Vocabulary parse_vocabulary(const Json& words, const Json& counts, const std::string& source) {
  try {
    return Vocabulary(words.get<std::vector<std::string>>(), counts.get<std::vector<int64_t>>());
  } catch (const Json::exception&) {
    throw InputError(source + ": its vocabulary is not a list of words and one of their counts; the file is damaged");
  } catch (const InputError& error) {
    throw InputError(source + ": " + error.what());
  }
}

Json parse_metadata(const SafetensorsFile& file, const char* key, const std::string& source) {
  return parse_json(read_metadata(file, key, source), source + ": metadata \"" + key + "\"");
}

int64_t count_values(const TensorMap& tensors) {
  int64_t count = 0;
  for (const auto& [name, tensor] : tensors) count += tensor.numel();
  return count;
}

}  // namespace

void ModelOptions::list(OptionList& options) {
  encoder.list(options);
  attention.list(options);
  decoder.list(options);
}

namespace {

void check_model_options(const ModelOptions& options, const Encoder& encoder) {
  const int64_t D = options.decoder.annotation_size ? options.decoder.annotation_size : encoder.annotation_size();
  check_attention(options.attention, encoder.grid(options.encoder.input_size), D, options.decoder.hidden_size);
}

}  // namespace

void check_model_options(const ModelOptions& options) {
  const WithoutFirstWeights quick;
  check_model_options(options, *make_encoder(options.encoder));
}

Captioner::Captioner(const ModelOptions& model_options, Vocabulary words)
    : options(model_options), vocabulary(std::move(words)), encoder(make_encoder(options.encoder)) {
  check_model_options(options, *encoder);
  decoder =
      std::make_shared<Decoder>(options.decoder, options.attention, encoder->annotation_size(), vocabulary.size());
  decoder->eval();
}

void Captioner::to(torch::Device where) {
  device = where;
  encoder->to(where);
  decoder->to(where);
}

void Captioner::set_precision(const std::string& precision) {
  options.encoder.precision = options.decoder.precision = precision;
  encoder->set_precision(precision);
  decoder->set_precision(precision);
}

torch::Tensor Captioner::annotate(const torch::Tensor& pictures) {
  // On a processor a few pictures at a time: the first layers' maps of many would take much memory, and no less time.
  constexpr int64_t kAtOnce = 8;
  if (!device.is_cpu() || torch::GradMode::is_enabled() || pictures.size(0) <= kAtOnce)
    return encoder->forward(pictures.to(device)).flatten(1, 2);  // [B, L, D]
  torch::Tensor annotations;                                     // [B, L, D]
  for (int64_t begin = 0; begin < pictures.size(0); begin += kAtOnce) {
    const int64_t count = std::min(kAtOnce, pictures.size(0) - begin);
    const auto some = encoder->forward(pictures.narrow(0, begin, count)).flatten(1, 2);  // [b, L, D]
    if (begin == 0)
      annotations = torch::empty({pictures.size(0), some.size(1), some.size(2)}, some.options());  // [B, L, D]
    annotations.narrow(0, begin, count).copy_(some);
  }
  return annotations;
}

namespace {

/// The options that decide which weights there are and what they mean.
Json network_of(ModelOptions options) {
  OptionList list;
  options.list(list);
  Json json = list.to_json();
  for (const char* free : {"input_size", "resize", "precision"}) json["encoder"].erase(free);
  for (const char* free : {"precision", "dropout", "annotation_dropout"}) json["decoder"].erase(free);
  json["attention"].erase("expected_share");
  if (options.attention.kind == "hard") json["attention"]["kind"] = "soft";  // the same weights
  return json;
}

}  // namespace

std::string network_difference(const ModelOptions& here, const ModelOptions& there, const std::string& source) {
  const Json own = network_of(here), others = network_of(there);
  for (const auto& [section, values] : own.items())
    for (const auto& [key, value] : values.items())
      if (const Json& other = others.at(section).at(key); other != value)
        return section + "." + key + " is " + value.dump() + ", but " + other.dump() + " in " + source;
  return "";
}

void require_same_network(const ModelOptions& wanted, const ModelOptions& model, const std::string& source) {
  if (const auto difference = network_difference(wanted, model, source); !difference.empty())
    throw UsageError(difference + ": its weights don't fit; set it to the same, or begin without that model");
}

void require_same_vocabulary(const Vocabulary& first, const std::string& first_source, const Vocabulary& vocabulary,
                             const std::string& source) {
  const auto& there = first.words();
  const auto& here = vocabulary.words();
  if (here == there) return;
  size_t word = 0;
  while (word < here.size() && word < there.size() && here[word] == there[word]) ++word;
  const auto text = [&](const auto& words) { return word < words.size() ? quote(words[word]) : "missing"; };
  throw InputError(source + ": its vocabulary isn't that of " + first_source + ": word " + std::to_string(word) +
                   " is " + text(here) + ", there " + text(there) + "; only models with the same words go together");
}

TensorMap captioner_state(const Captioner& captioner) {
  TensorMap state;
  for (const auto& [name, tensor] : captioner.encoder->state()) state["encoder." + name] = tensor;
  for (const auto& item : captioner.decoder->named_parameters()) state["decoder." + item.key()] = item.value();
  return state;
}

void load_captioner_state(Captioner& captioner, const TensorMap& state, const std::string& source) {
  TensorMap encoder;
  for (const auto& [name, tensor] : state)
    if (name.rfind("encoder.", 0) == 0) encoder[name.substr(8)] = tensor;
  captioner.encoder->load_state(encoder, source);
  torch::NoGradGuard no_grad;
  for (auto& item : captioner.decoder->named_parameters()) {
    const auto found = state.find("decoder." + item.key());
    if (found == state.end()) throw InputError(source + ": tensor decoder." + item.key() + " is missing");
    if (found->second.sizes() != item.value().sizes())
      throw InputError(source + ": tensor decoder." + item.key() + " has another shape than its options say");
    require_finite(found->second, "decoder." + item.key(), source);
    item.value().copy_(found->second);
  }
}

void save_captioner(const Captioner& captioner, const std::filesystem::path& path, bool half) {
  TensorMap state = captioner_state(captioner);
  if (captioner.familiarity) state.merge(captioner.familiarity->state());
  for (auto& [name, tensor] : state)
    tensor = tensor.detach().to(torch::kCPU, half ? torch::kHalf : torch::kFloat).contiguous();
  ModelOptions options = captioner.options;
  OptionList list;
  options.list(list);
  std::map<std::string, std::string> metadata{{"format", kFormat},
                                              {"format_version", kVersion},
                                              {"options", list.to_json().dump()},
                                              {"vocabulary", Json(captioner.vocabulary.words()).dump()},
                                              {"word_counts", Json(captioner.vocabulary.counts()).dump()},
                                              {"decode", captioner.decode.dump()},
                                              {"about", captioner.about.dump()}};
  if (!captioner.confidence.is_null()) metadata["confidence"] = captioner.confidence.dump();
  write_safetensors(path, state, metadata);
}

namespace {

Captioner make_captioner(const SafetensorsFile& file, const std::string& source) {
  if (read_metadata(file, "format", source) != kFormat) throw InputError(source + ": not an attend model");
  if (const auto version = read_metadata(file, "format_version", source); version != kVersion)
    throw InputError(source + ": a model of format version " + version + "; this attend reads version " + kVersion);
  ModelOptions options;
  OptionList list;
  options.list(list);
  try {
    list.read_json(parse_metadata(file, "options", source), source);
    const WithoutFirstWeights about_to_be_read(count_values(file.tensors), source);
    const Json counts =
        file.metadata.contains("word_counts") ? parse_metadata(file, "word_counts", source) : Json::array();
    Captioner captioner(options, parse_vocabulary(parse_metadata(file, "vocabulary", source), counts, source));
    load_captioner_state(captioner, file.tensors, source);
    captioner.decode = parse_metadata(file, "decode", source);
    captioner.about = parse_metadata(file, "about", source);
    captioner.familiarity = Familiarity::load(file.tensors, captioner.encoder->annotation_size(), source);
    if (file.metadata.contains("confidence")) captioner.confidence = parse_metadata(file, "confidence", source);
    return captioner;
  } catch (const UsageError& error) {
    throw InputError(error.what());
  }
}

}  // namespace

Captioner load_captioner(const std::filesystem::path& path) {
  return make_captioner(read_safetensors(path), path.string());
}

Captioner load_captioner(std::span<const std::byte> bytes, const std::string& source) {
  return make_captioner(parse_safetensors(bytes, nullptr, source), source);
}

torch::Device choose_device(const std::string& name) {
  if (name == "cpu") return torch::kCPU;
  if (torch::cuda::is_available()) return torch::Device(torch::kCUDA, 0);
  if (name == "auto") return torch::kCPU;
  throw UsageError("--device " + name + ": no CUDA device is available to this LibTorch; use --device cpu");
}

}  // namespace attend
