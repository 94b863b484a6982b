// The decoder: an LSTM that says a word at a time, looking at the annotations before each (Show, Attend and Tell,
// section 3.1.2).
//
// B pictures in a batch · R rows (captions or beams) · L grid cells · D annotation size · H LSTM size ·
// E embedding size · V words in the vocabulary · T time steps · N words in all rows together
#pragma once

#include <torch/torch.h>

#include <string>
#include <vector>

#include "base/options.h"
#include "model/attention.h"

namespace attend {

struct DecoderOptions {
  int hidden_size = 512;            // H
  int embedding_size = 512;         // E
  int annotation_size = 0;          // D after a learnt projection; 0 takes the encoder's annotations as they are
  bool positions = false;           // annotations also say where in the picture their cell lies
  std::string gate = "scalar";      // beta: scalar | vector | off
  bool tied = true;                 // the output layer L_o shares the embedding matrix
  double dropout = 0.5;             // of embedded words and of the deep output
  double annotation_dropout = 0.0;  // of whole annotations' entries

  void list(OptionList& options);
};

/// h and c of every row, [R, H] each.
struct DecoderState {
  torch::Tensor h, c;
};

/// Captions of a batch, packed by time: rows are sorted by falling length, so that at step t the rows that still
/// have a word to say are the first rows_at[t], and no padding is ever computed.
struct PackedCaptions {
  torch::Tensor pictures;        // [R] int64, the picture of each row
  std::vector<size_t> captions;  // [R], the caption of each row, counted through all pictures' captions
  torch::Tensor inputs;          // [N] int64, the word before: <start> or word t - 1; step by step
  torch::Tensor targets;         // [N] int64, the word to say: word t or <end>
  std::vector<int64_t> rows_at;  // [T]
};

/// captions[b]: the captions of picture b as word ids, without <start> and <end>.
PackedCaptions pack_captions(const std::vector<std::vector<std::vector<int64_t>>>& captions);

/// All words of a batch of captions, predicted with the true word before each (teacher forcing).
struct TeacherForced {
  torch::Tensor logits;     // [N, V]
  torch::Tensor alpha_sum;  // [R, L], sum over time of alpha
  torch::Tensor lengths;    // [R], steps of each row
};

/// One word of every row.
struct WordStep {
  DecoderState state;
  torch::Tensor logits;  // [R, V]
  torch::Tensor alpha;   // [R, L]
};

class Decoder : public torch::nn::Module {
 public:
  /// encoder_size: D of the encoder's annotations; words: V.
  Decoder(const DecoderOptions& options, const AttentionOptions& attention, int64_t encoder_size, int64_t words);

  /// annotations [B, L, D_encoder] → what every step reads.
  Memory remember(const torch::Tensor& annotations);

  /// The state before the first word, for B rows: two perceptrons of the mean annotation (f_init,h and f_init,c).
  DecoderState start(const Memory& memory);

  /// words [R]: the word before; pictures [R] int64 on the CPU.
  WordStep step(const Memory& memory, const DecoderState& state, const torch::Tensor& words,
                const torch::Tensor& pictures);

  /// Training changes weights: what was computed ahead of them is forgotten.
  void train(bool on = true) override;

  /// The same cell over all words of `captions`, with what doesn't depend on the step before taken out of the loop.
  TeacherForced teach(const Memory& memory, const PackedCaptions& captions);

 private:
  /// One LSTM step (equations 1–3). word_gates [R, 4H]: the embedded word's share of the gates, with their bias.
  struct Advance {
    DecoderState state;
    torch::Tensor context;  // [R, D], gated by beta
    torch::Tensor alpha;    // [R, L]
  };
  Advance advance(const Memory& memory, const DecoderState& state, const torch::Tensor& word_gates,
                  const torch::Tensor& pictures);
  /// Deep output (equation 7), L_o(E y_{t-1} + L_h h_t + L_z z_t): [N, E], [N, H], [N, D] → logits [N, V].
  torch::Tensor deep_output(const torch::Tensor& embedded, const torch::Tensor& h, const torch::Tensor& context);
  torch::Tensor embed(const torch::Tensor& words);
  /// The gates' share of every word of the vocabulary, [V, 4H], computed once for all captions said with these weights.
  const torch::Tensor& all_word_gates();

  DecoderOptions options_;
  std::shared_ptr<Attention> attention_;
  torch::nn::Linear project_{nullptr}, position_{nullptr}, init_h_{nullptr}, init_c_{nullptr}, beta_{nullptr};
  torch::nn::Linear word_gates_{nullptr}, state_gates_{nullptr};
  torch::nn::Linear output_h_{nullptr}, output_z_{nullptr}, output_{nullptr};
  torch::nn::Embedding embedding_{nullptr};
  torch::Tensor output_bias_;    // [V], of a tied output layer
  torch::Tensor all_word_gates_;  // [V, 4H], or undefined
};

}  // namespace attend
