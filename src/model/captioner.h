// The captioner: encoder, decoder and vocabulary in one value, and the one file it is kept in.
//
// B pictures in a batch · S input side · h x w grid · L = h·w cells · D annotation size
#pragma once

#include <torch/torch.h>

#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "model/decoder.h"
#include "model/encoder.h"
#include "model/familiarity.h"
#include "text/vocabulary.h"

namespace attend {

/// What a captioner is built of.
struct ModelOptions {
  EncoderOptions encoder;
  AttentionOptions attention;
  DecoderOptions decoder;

  void list(OptionList& options);
};

/// Throws UsageError where the options ask for a network that can't be: see check_attention().
void check_model_options(const ModelOptions& options);

/// The one model that training, captioning and evaluation share.
struct Captioner {
  /// Random weights.
  Captioner(const ModelOptions& options, Vocabulary vocabulary);

  ModelOptions options;
  Vocabulary vocabulary;
  std::unique_ptr<Encoder> encoder;
  std::shared_ptr<Decoder> decoder;
  torch::Device device = torch::kCPU;
  /// How captions are best decoded with these weights ("decode" section of the recipe), as a model file carries it.
  Json decode = Json::object();
  /// What it was trained on and how, its figures and its licence: what `attend inspect` shows.
  Json about = Json::object();
  /// How unlike those of training a picture is; none in a file that wasn't calibrated.
  std::optional<Familiarity> familiarity;
  /// How likely a caption is good ("confidence" of the file): see decode/confidence.h; null in a file that wasn't calibrated.
  Json confidence;

  void to(torch::Device where);
  /// Of encoder and decoder: fp32 | bf16 | int8.
  void set_precision(const std::string& precision);

  /// pictures u8 RGB [B, S, S, 3] → annotations [B, L, D], on the captioner's device.
  torch::Tensor annotate(const torch::Tensor& pictures);
};

/// "decoder.hidden_size is 512, but 256 in SOURCE": the first option by which `here` is another network than `there`,
/// read from `source`; "" where require_same_network() is content.
std::string network_difference(const ModelOptions& here, const ModelOptions& there, const std::string& source);

/// Throws UsageError naming the first option by which `wanted` is another network than `model`, read from `source`: one
/// that its weights don't fit or mean something else in. What may differ: soft or hard attention, dropout, input size, precision.
void require_same_network(const ModelOptions& wanted, const ModelOptions& model, const std::string& source);

/// Throws InputError naming `source` and the first word by which its vocabulary isn't that of `first_source`.
void require_same_vocabulary(const Vocabulary& first, const std::string& first_source, const Vocabulary& vocabulary,
                             const std::string& source);

/// Every weight of encoder and decoder under its stable name ("encoder.…", "decoder.…").
TensorMap captioner_state(const Captioner& captioner);
/// Copies `state` into the weights. Throws InputError naming `source` and the tensor that is missing, misshapen, not finite.
void load_captioner_state(Captioner& captioner, const TensorMap& state, const std::string& source);

/// Writes one .safetensors file: weights (fp16 when `half`), vocabulary, options, decode defaults, about, and what
/// it was calibrated to. Atomic.
void save_captioner(const Captioner& captioner, const std::filesystem::path& path, bool half = true);

/// Reads what save_captioner() wrote. Throws InputError that names the file and what is wrong with it: cut short, of
/// another format or version, a tensor missing.
Captioner load_captioner(const std::filesystem::path& path);

/// The same of a file in memory, which isn't needed after the call; `source` names it in errors.
Captioner load_captioner(std::span<const std::byte> bytes, const std::string& source);

/// "cpu", "cuda", or "auto": CUDA when LibTorch was built with it and a card is there. Throws UsageError when asked for
/// a card that isn't there.
torch::Device choose_device(const std::string& name);

}  // namespace attend
