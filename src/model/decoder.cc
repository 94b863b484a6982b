// B pictures · R rows · L grid cells · D annotation size · H LSTM size · E embedding size · V words · T steps ·
// N words in all rows together
#include "model/decoder.h"

#include <algorithm>
#include <numeric>

#include "model/int8_product.h"
#include "model/layers.h"
#include "model/recurrence.h"
#include "text/vocabulary.h"

namespace attend {

using torch::Tensor;
namespace nn = torch::nn;
namespace F = torch::nn::functional;

void DecoderOptions::list(OptionList& options) {
  options.section("decoder", "Decoder", "decoder_");
  options.add("cell", cell, "recurrent cell", one_of({"lstm", "gru"}));
  options.add("hidden_size", hidden_size, "size H of the cell's state", between(1, 65536));
  options.add("embedding_size", embedding_size, "size E of a word's embedding", between(1, 65536));
  options.add("annotation_size", annotation_size,
              "size D that annotations are projected to; 0 takes the encoder's as they are", between(0, 65536));
  options.add("positions", positions,
              "annotations also say where their cell lies, which those of an encoder's first stages don't know");
  options.add("gate", gate, "the gate beta on the context", one_of({"scalar", "vector", "off"}));
  options.add("tied", tied, "the output layer shares the embedding matrix");
  options.add("precision", precision,
              "arithmetic of the products when captions are written; bf16 and int8 only where the processor has "
              "instructions for them, else the one before",
              one_of({"fp32", "bf16", "int8"}));
  options.add("dropout", dropout, "share dropped of embedded words and of the deep output", between(0, 0.95));
  options.add("annotation_dropout", annotation_dropout, "share dropped of the annotations' entries", between(0, 0.95));
}

PackedCaptions pack_captions(const std::vector<std::vector<std::vector<int64_t>>>& captions) {
  struct Row {
    int64_t picture;
    size_t caption;
    const std::vector<int64_t>* words;
  };
  std::vector<Row> rows;
  for (size_t b = 0; b < captions.size(); ++b)
    for (const auto& words : captions[b]) rows.push_back({static_cast<int64_t>(b), rows.size(), &words});
  std::stable_sort(rows.begin(), rows.end(),
                   [](const Row& a, const Row& b) { return a.words->size() > b.words->size(); });

  std::vector<int64_t> pictures, inputs, targets;
  PackedCaptions packed;
  for (const auto& row : rows) {
    pictures.push_back(row.picture);
    packed.captions.push_back(row.caption);
  }
  const size_t steps = rows.empty() ? 0 : rows.front().words->size() + 1;
  for (size_t t = 0; t < steps; ++t) {
    int64_t active = 0;
    for (const auto& row : rows) {
      if (row.words->size() < t) break;
      inputs.push_back(t == 0 ? Vocabulary::kStart : (*row.words)[t - 1]);
      targets.push_back(t == row.words->size() ? Vocabulary::kEnd : (*row.words)[t]);
      ++active;
    }
    packed.rows_at.push_back(active);
  }
  packed.pictures = torch::tensor(pictures, torch::kInt64);  // [R]
  packed.inputs = torch::tensor(inputs, torch::kInt64);      // [N]
  packed.targets = torch::tensor(targets, torch::kInt64);    // [N]
  return packed;
}

namespace {

constexpr int64_t kWaves = 4;  // of 1/2, 1, 2 and 4 periods across the picture
constexpr int64_t kPositionSize = 4 * kWaves;

/// Sines and cosines of the place of every cell of a square grid (Vaswani et al. 2017, section 3.5, in two dimensions
/// and in shares of the side, so that they mean the same on every grid): [L, kPositionSize].
Tensor position_waves(int64_t cells, const torch::TensorOptions& like) {
  const int64_t side = grid_side(cells);
  const Tensor place = (torch::arange(side, like) + 0.5) / static_cast<double>(side);  // [side]
  const Tensor periods = M_PI * torch::pow(2, torch::arange(kWaves, like));            // [kWaves]
  const Tensor angle = place.unsqueeze(1) * periods;                                   // [side, kWaves]
  const Tensor waves = torch::cat({angle.sin(), angle.cos()}, 1);                      // [side, 2 kWaves]
  const Tensor rows = waves.unsqueeze(1).expand({side, side, 2 * kWaves});             // [side, side, 2 kWaves]
  const Tensor columns = waves.unsqueeze(0).expand({side, side, 2 * kWaves});          // [side, side, 2 kWaves]
  return torch::cat({rows, columns}, 2).reshape({cells, kPositionSize});               // [L, 4 kWaves]
}

}  // namespace

Decoder::Decoder(const DecoderOptions& options, const AttentionOptions& attention, int64_t encoder_size, int64_t words)
    : options_(options) {
  const int64_t D = options.annotation_size ? options.annotation_size : encoder_size;
  const int64_t H = options.hidden_size, E = options.embedding_size;
  if (options.annotation_size) project_ = register_module("project", linear(encoder_size, D));
  if (options.positions || attention.self_blocks > 0)
    position_ = register_module("position", linear(kPositionSize, D, false));
  if (attention.recalibration != "none")
    recalibration_ = register_module("recalibration",
                                     std::make_shared<Recalibration>(attention.recalibration, attention.reduction, D));
  if (attention.self_blocks > 0)
    self_attention_ = register_module("self_attention", std::make_shared<SelfAttention>(attention, D));
  attention_ = register_module("attention", make_attention(attention, D, H));
  init_h_ = register_module("init_h", linear(D, H));
  const bool gru = options.cell == "gru";
  if (!gru) init_c_ = register_module("init_c", linear(D, H));
  if (options.gate != "off") beta_ = register_module("beta", linear(H, options.gate == "vector" ? D : 1));
  embedding_ = register_module("embedding", embedding(words, E));
  word_gates_ = register_module("word_gates", linear(E, (gru ? 3 : 4) * H));
  state_gates_ = register_module("state_gates", linear(D + H, (gru ? 2 : 4) * H, false));
  if (gru) candidate_ = register_module("candidate", linear(D + H, H, false));
  output_h_ = register_module("output_h", linear(H, E));
  output_z_ = register_module("output_z", linear(D, E, false));
  if (options.tied)
    output_bias_ = register_parameter("output_bias", torch::zeros({words}));
  else
    output_ = register_module("output", linear(E, words));

  set_precision(options.precision);

  if (!draws_first_weights()) return;
  torch::NoGradGuard no_grad;
  embedding_->weight.normal_(0, 1 / std::sqrt(static_cast<double>(E)));
  const double bound = 1 / std::sqrt(static_cast<double>(H));
  word_gates_->weight.uniform_(-bound, bound);
  state_gates_->weight.uniform_(-bound, bound);
  word_gates_->bias.zero_();
  if (gru)
    candidate_->weight.uniform_(-bound, bound);
  else
    word_gates_->bias.narrow(0, H, H).fill_(1);  // the forget gate starts open (Jozefowicz et al. 2015)
}

DecoderState DecoderState::select(const Tensor& rows) const {
  const auto chosen = [&](const Tensor& x) { return x.defined() ? x.index_select(0, rows) : x; };
  return {chosen(h), chosen(c), step, chosen(attended)};  // [R', H] each
}

DecoderState DecoderState::narrow(int64_t first, int64_t count) const {
  const auto part = [&](const Tensor& x) { return x.defined() ? x.narrow(0, first, count) : x; };
  return {part(h), part(c), step, part(attended)};  // [count, H] each
}

Memory Decoder::remember(const Tensor& annotations) {
  Tensor a = annotations;                                                             // [B, L, D_encoder]
  if (project_) a = project_->forward(a).relu();                                      // [B, L, D]
  if (recalibration_) a = recalibration_->forward(a);                                 // [B, L, D]
  if (position_) a = a + position_->forward(position_waves(a.size(1), a.options()));  // [B, L, D]
  if (self_attention_) a = self_attention_->forward(a);                               // [B, L, D]
  if (options_.annotation_dropout > 0) a = torch::dropout(a, options_.annotation_dropout, is_training());  // [B, L, D]
  return attention_->remember(a);
}

DecoderState Decoder::start(const Memory& memory) {
  const auto mean = memory.annotations.mean(1);                                                // [B, D]
  return {init_h_->forward(mean).tanh(), init_c_ ? init_c_->forward(mean).tanh() : Tensor()};  // [B, H] each
}

Tensor Decoder::embed(const Tensor& words) {
  return torch::dropout(embedding_->forward(words), options_.dropout, is_training());  // [N, E]
}

DecoderState Decoder::lstm(const DecoderState& state, const Tensor& word_gates, const StateGates& gates_of,
                           const Tensor& context) {
  const auto state_gates = gates_of(torch::cat({context, state.h}, 1));  // [R, 4H]
  if (is_fixed(*this, state.c)) {
    auto [h, c] = lstm_cell(word_gates, state_gates, state.c);  // [R, H] each
    return {h, c, state.step + 1};
  }
  const auto part = (word_gates + state_gates).chunk(4, 1);                         // [R, H] each: i, f, o, g
  const auto c = part[1].sigmoid() * state.c + part[0].sigmoid() * part[3].tanh();  // [R, H]
  const auto h = part[2].sigmoid() * c.tanh();                                      // [R, H]
  return {h, c, state.step + 1};
}

DecoderState Decoder::gru(const DecoderState& state, const Tensor& word_gates, const StateGates& gates_of,
                          const Tensor& context) {
  const auto word = word_gates.chunk(3, 1);                                           // [R, H] each: r, u, candidate
  const auto gates = gates_of(torch::cat({context, state.h}, 1)).chunk(2, 1);         // [R, H] each: r, u
  const auto r = (word[0] + gates[0]).sigmoid(), u = (word[1] + gates[1]).sigmoid();  // [R, H] each
  const auto candidate = (word[2] + candidate_->forward(torch::cat({context, r * state.h}, 1))).tanh();  // [R, H]
  return {u * state.h + (1 - u) * candidate, Tensor(), state.step + 1};                                  // [R, H]
}

Decoder::Advance Decoder::advance(const Memory& memory, const DecoderState& state, const Tensor& word_gates,
                                  const StateGates& gates_of, const Tensor& pictures, const Tensor& cells) {
  auto glimpse = attention_->look(memory, state.h, pictures, state.step, cells, state.attended);
  if (beta_) glimpse.context = glimpse.context * beta_->forward(state.h).sigmoid();  // [R, D]
  auto next = candidate_ ? gru(state, word_gates, gates_of, glimpse.context)
                         : lstm(state, word_gates, gates_of, glimpse.context);
  next.attended = glimpse.carried;
  return {std::move(next), std::move(glimpse)};
}

Tensor Decoder::deep_output(const Tensor& embedded, const Tensor& h, const Tensor& context) {
  Tensor deep = embedded + output_h_->forward(h) + output_z_->forward(context);  // [N, E]
  deep = torch::dropout(deep, options_.dropout, is_training());                  // [N, E]
  if (output_) return output_->forward(deep);                                    // [N, V]
  if (is_fixed(*this, deep))
    return fixed_linear(deep, embedding_->weight, output_bias_, packed_output_, type_);  // [N, V]
  return F::linear(deep, embedding_->weight, output_bias_);                              // [N, V]
}

void Decoder::train(bool on) {
  all_word_gates_.forget();
  packed_output_.forget();
  nn::Module::train(on);
}

void Decoder::set_precision(const std::string& precision) {
  all_word_gates_.forget();
  const auto type_of = [&](int64_t inputs) {
    if (precision == "int8" && multiplies_int8() && inputs % 4 == 0) return torch::kChar;
    return precision != "fp32" && multiplies_bf16() ? torch::kBFloat16 : torch::kFloat;
  };
  type_ = type_of(embedding_->weight.size(1));
  for (const auto& module : modules(false))
    if (auto* layer = module->as<LinearImpl>()) layer->type = type_of(layer->weight.size(1));
}

Tensor Decoder::all_word_gates() {
  return all_word_gates_.get(embedding_->weight, torch::kFloat, [&](const Tensor& weight, torch::ScalarType) {
    return word_gates_->forward(weight);  // [V, G]
  });
}

WordStep Decoder::step(const Memory& memory, const DecoderState& state, const Tensor& words, const Tensor& pictures,
                       const Tensor& cells) {
  const auto embedded = embed(words);  // [R, E]
  const bool fixed = !is_training() && !torch::GradMode::is_enabled();
  const auto gates = fixed ? all_word_gates().index_select(0, words) : word_gates_->forward(embedded);  // [R, G]
  const auto state_gates = [&](const Tensor& x) { return state_gates_->forward(x); };
  auto next = advance(memory, state, gates, state_gates, pictures, cells);
  const auto logits = deep_output(embedded, next.state.h, next.glimpse.context);  // [R, V]
  return {std::move(next.state), logits, next.glimpse.alpha, next.glimpse.location};
}

TeacherForced Decoder::teach(const Memory& memory, const PackedCaptions& captions) {
  const auto device = memory.annotations.device();
  const auto embedded = embed(captions.inputs.to(device));  // [N, E]
  const auto gates = word_gates_->forward(embedded);        // [N, G]
  const auto pictures = captions.pictures.to(device);       // [R]
  DecoderState state = start(memory).select(pictures);      // [R, H] each

  LinearOverSteps over_steps(state_gates_->weight);
  const bool learns = torch::GradMode::is_enabled();
  const auto state_gates = [&](const Tensor& x) { return learns ? over_steps.forward(x) : state_gates_->forward(x); };

  TeacherForced taught;
  std::vector<Tensor> hidden, contexts, locations;
  const auto given = captions.locations.defined() ? captions.locations.to(device) : Tensor();  // [N]
  int64_t at = 0;
  for (const int64_t active : captions.rows_at) {
    state = state.narrow(0, active);                                              // [R_t, H] each
    const auto cells = given.defined() ? given.narrow(0, at, active) : Tensor();  // [R_t]
    auto next = advance(memory, state, gates.narrow(0, at, active), state_gates, pictures.narrow(0, 0, active), cells);
    state = std::move(next.state);
    hidden.push_back(state.h);
    contexts.push_back(next.glimpse.context);
    taught.alphas.push_back(next.glimpse.alpha);
    if (next.glimpse.location.defined()) locations.push_back(next.glimpse.location);
    at += active;
  }
  taught.logits = deep_output(embedded, torch::cat(hidden), torch::cat(contexts));  // [N, V]
  if (!locations.empty()) taught.locations = torch::cat(locations);                 // [N]
  return taught;
}

}  // namespace attend
