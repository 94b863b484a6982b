// The decoder: an LSTM (or GRU) that says a word at a time, looking at the annotations before each (Show, Attend and Tell,
// section 3.1.2).
//
// B pictures in a batch · R rows (captions or beams) · L grid cells · D annotation size · H LSTM size ·
// E embedding size · V words in the vocabulary · T time steps · N words in all rows together
#pragma once

#include <torch/torch.h>

#include <functional>
#include <string>
#include <vector>

#include "base/options.h"
#include "model/attention.h"
#include "model/layers.h"
#include "model/recalibration.h"
#include "model/self_attention.h"

namespace attend {

struct DecoderOptions {
  std::string cell = "lstm";        // lstm (equations 1-3) | gru (Cho et al. 2014, section 2.3)
  int hidden_size = 512;            // H
  int embedding_size = 512;         // E
  int annotation_size = 0;          // D after a learnt projection; 0 takes the encoder's annotations as they are
  bool positions = false;           // annotations also say where in the picture their cell lies
  std::string gate = "scalar";      // beta: scalar | vector | off
  bool tied = true;                 // the output layer L_o shares the embedding matrix
  std::string precision = "fp32";   // of products when captions are written: fp32 | bf16 | int8
  double dropout = 0.5;             // of embedded words and of the deep output
  double annotation_dropout = 0.0;  // of whole annotations' entries

  void list(OptionList& options);
};

/// What the decoder remembers of every row.
struct DecoderState {
  torch::Tensor h, c;        // [R, H] each; a GRU has no c
  int64_t step = 0;          // words said
  torch::Tensor attended{};  // [R, …], see Glimpse::carried; undefined before the first word, and of most scores

  /// The state of these rows ([R'] int64), in this order.
  DecoderState select(const torch::Tensor& rows) const;
  /// The state of `count` rows from `first` on.
  DecoderState narrow(int64_t first, int64_t count) const;
};

/// Captions of a batch, packed by time: rows are sorted by falling length, so that at step t the rows that still
/// have a word to say are the first rows_at[t], and no padding is ever computed.
struct PackedCaptions {
  torch::Tensor pictures;        // [R] int64, the picture of each row
  std::vector<size_t> captions;  // [R], the caption of each row, counted through all pictures' captions
  torch::Tensor inputs;          // [N] int64, the word before: <start> or word t - 1; step by step
  torch::Tensor targets;         // [N] int64, the word to say: word t or <end>
  std::vector<int64_t> rows_at;  // [T]
  torch::Tensor locations;       // [N] int64, the cell hard attention looks at before each word; undefined: its choice
};

/// captions[b]: the captions of picture b as word ids, without <start> and <end>.
PackedCaptions pack_captions(const std::vector<std::vector<std::vector<int64_t>>>& captions);

/// All words of a batch of captions, predicted with the true word before each (teacher forcing).
struct TeacherForced {
  torch::Tensor logits;               // [N, V]
  std::vector<torch::Tensor> alphas;  // [T] of [R_t, L], the weights of the rows that speak at each step
  torch::Tensor locations;  // [N] int64, the cell each word looked at, -1: the expected context; undefined: all
};

/// One word of every row.
struct WordStep {
  DecoderState state;
  torch::Tensor logits;    // [R, V]
  torch::Tensor alpha;     // [R, L]
  torch::Tensor location;  // [R] int64, see Glimpse
};

class Decoder : public torch::nn::Module {
 public:
  /// encoder_size: D of the encoder's annotations; words: V.
  Decoder(const DecoderOptions& options, const AttentionOptions& attention, int64_t encoder_size, int64_t words);

  /// annotations [B, L, D_encoder] → what every step reads.
  Memory remember(const torch::Tensor& annotations);

  /// The state before the first word, for B rows: two perceptrons of the mean annotation (f_init,h and f_init,c).
  DecoderState start(const Memory& memory);

  /// words [R]: the word before; pictures [R] int64, where the memory is; cells as in Attention::look().
  WordStep step(const Memory& memory, const DecoderState& state, const torch::Tensor& words,
                const torch::Tensor& pictures, const torch::Tensor& cells = {});

  /// Of the products when captions are written: fp32, bf16 or int8, the last two where the processor has instructions for them,
  /// else the one before. Sums are fp32 or exact.
  void set_precision(const std::string& precision);

  /// Training changes weights: what was computed ahead of them is forgotten.
  void train(bool on = true) override;

  /// The same cell over all words of `captions`, with what doesn't depend on the step before taken out of the loop.
  TeacherForced teach(const Memory& memory, const PackedCaptions& captions);

 private:
  struct Advance {
    DecoderState state;
    Glimpse glimpse;  // its context gated by beta
  };
  /// The layer state_gates_: [z_t, h_{t-1}] [R, D + H] → its share of the gates.
  using StateGates = std::function<torch::Tensor(const torch::Tensor&)>;
  /// One step. word_gates [R, G]: the embedded word's share of the gates, with their bias, G = 4H (LSTM) or 3H (GRU);
  /// cells as in Attention::look().
  Advance advance(const Memory& memory, const DecoderState& state, const torch::Tensor& word_gates,
                  const StateGates& state_gates, const torch::Tensor& pictures, const torch::Tensor& cells);
  DecoderState lstm(const DecoderState& state, const torch::Tensor& word_gates, const StateGates& state_gates,
                    const torch::Tensor& context);
  DecoderState gru(const DecoderState& state, const torch::Tensor& word_gates, const StateGates& state_gates,
                   const torch::Tensor& context);
  /// Deep output (equation 7), L_o(E y_{t-1} + L_h h_t + L_z z_t): [N, E], [N, H], [N, D] → logits [N, V].
  torch::Tensor deep_output(const torch::Tensor& embedded, const torch::Tensor& h, const torch::Tensor& context);
  torch::Tensor embed(const torch::Tensor& words);
  /// The gates' share of every word of the vocabulary, [V, G], computed once for all captions said with these weights.
  torch::Tensor all_word_gates();

  DecoderOptions options_;
  std::shared_ptr<Recalibration> recalibration_;
  std::shared_ptr<SelfAttention> self_attention_;
  std::shared_ptr<Attention> attention_;
  Linear project_{nullptr}, position_{nullptr}, init_h_{nullptr}, init_c_{nullptr}, beta_{nullptr};
  Linear word_gates_{nullptr}, state_gates_{nullptr}, candidate_{nullptr};
  Linear output_h_{nullptr}, output_z_{nullptr}, output_{nullptr};
  torch::nn::Embedding embedding_{nullptr};
  torch::Tensor output_bias_;      // [V], of a tied output layer
  PreparedWeight all_word_gates_;  // [V, G]
  PreparedWeight packed_output_;   // of a tied output layer
  torch::ScalarType type_ = torch::kFloat;
};

}  // namespace attend
