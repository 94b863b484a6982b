// Attention: where the decoder looks before it says a word (Show, Attend and Tell, section 4).
// The scores stand in scores.h, windows in window.h; the decoder knows only what is here.
//
// B pictures in a batch · R rows (captions or beams, each of one picture) · L = h·w grid cells · D annotation size ·
// A attention size · H size of the decoder's state
#pragma once

#include <torch/torch.h>

#include <array>
#include <memory>
#include <string>

#include "base/options.h"
#include "model/window.h"

namespace attend {

struct AttentionOptions {
  std::string kind = "soft";  // soft: expected context (section 4.2) | hard: one cell (4.1) | none: mean annotation
  std::string score = "additive";         // see make_attention()
  int size = 512;                         // A
  int heads = 8;                          // of score multi_head and of self-attention
  std::string window = "none";            // local_m | local_p: see window.h
  int window_radius = 2;                  // cells
  int filters = 3;                        // an axis, of score gaussian
  std::string recalibration = "none";     // se | cbam: see recalibration.h
  int reduction = 16;                     // r of recalibration
  int self_blocks = 0;                    // of self-attention over the annotations, before the decoder
  std::string self_kind = "transformer";  // all_attention | graph: see self_attention.h
  int persistent_vectors = 256;           // N a head, of self_kind all_attention
  double expected_share = 0.5;            // kind hard: share of training's pictures that are shown the expected context

  void list(OptionList& options);
};

/// What a decoder with hard attention looks at when it isn't trained.
enum class Locations { kExpected, kArgMax, kSampled };

/// What a picture gives to every step of its captions, computed once and shared by all its rows.
struct Memory {
  torch::Tensor annotations;  // [B, L, D]
  torch::Tensor keys;         // [B, L, A] or as the score wants it; undefined if it has none
  torch::Tensor exp_keys;     // [B, L, A], doubled_exp(keys) of the additive score, perhaps in bf16; else undefined
  torch::Tensor values;       // [B, L, …], what contexts are gathered from; like exp_keys in storage
  torch::Tensor expected;     // [B] bool, hard attention in training: pictures that are shown the expected context
  Locations locations = Locations::kExpected;
};

/// One look at the pictures.
struct Glimpse {
  torch::Tensor alpha;      // [R, L], rows sum to one
  torch::Tensor context;    // [R, D], z_t = phi({a_i}, {alpha_i})
  torch::Tensor location;   // [R] int64, the cell s_t each row looked at; -1: the expected context. Undefined: all did
  torch::Tensor carried{};  // [R, …], what the next look is told of this one; undefined: nothing
};

/// Weighs every annotation against the decoder's state and gathers the context. A subclass is a score; what is here
/// makes a soft or a hard glimpse of any of them.
class Attention : public torch::nn::Module {
 public:
  Attention(const AttentionOptions& options, int64_t hidden_size);

  /// annotations [B, L, D] → the memory that look() reads. Hard attention in training draws here which pictures are
  /// shown the expected context (section 4.1: "with probability 0.5").
  Memory remember(const torch::Tensor& annotations);

  /// hidden [R, H], h_{t-1}; pictures: [R] int64, the picture in [0, B) each row belongs to; step: t, from 0.
  /// cells: [R] int64, where hard attention is to look in place of a choice of its own (-1: the expected context); or
  /// undefined. Else it looks at s_t ~ Multinoulli(alpha_t) in training (equations 8 and 9), and where memory.locations
  /// says when captions are decoded. before: `carried` of the same rows' last glimpse; undefined at the first.
  Glimpse look(const Memory& memory, const torch::Tensor& hidden, const torch::Tensor& pictures, int64_t step,
               const torch::Tensor& cells = {}, const torch::Tensor& before = {});

 protected:
  /// Fills in memory's keys and values.
  virtual void prepare(Memory& memory) = 0;
  /// alpha and the expected context. bias: what a window adds to the scores, [R, L], or undefined; before as in look().
  virtual Glimpse expect(const Memory& memory, const torch::Tensor& hidden, const torch::Tensor& pictures,
                         const torch::Tensor& bias, const torch::Tensor& before) = 0;
  /// The context [R, D] of alpha = 1 at one cell a row.
  virtual torch::Tensor context_at(const Memory& memory, const torch::Tensor& pictures, const torch::Tensor& cells);
  /// What becomes of the context that was looked at, expected or of one cell, before the decoder gets it.
  virtual void conclude(Glimpse&, const torch::Tensor& /*hidden*/, const torch::Tensor& /*before*/) {}

  const AttentionOptions options_;

 private:
  /// Makes the glimpse of hard attention one of a cell a row, where it doesn't see the expected context.
  void choose(Glimpse& glimpse, const Memory& memory, const torch::Tensor& pictures, const torch::Tensor& cells);

  std::shared_ptr<Window> window_;
};

/// The attention `options` describe:
///   additive    v · tanh(W_a a + W_h h + b)              Bahdanau et al. 2015, section 3.1; Xu et al. 2015, equation 4
///   concat      v · tanh(W [h; a])                       Luong et al. 2015, equation 8: additive without b
///   dot         h · a, with D = H                        Luong et al. 2015, equation 8
///   scaled_dot  h · a / sqrt(H), with D = H              Vaswani et al. 2017, equation 1
///   general     h · W a                                  Luong et al. 2015, equation 8
///   multi_head  heads of scaled dot products over projected keys and values    Vaswani et al. 2017, section 3.2.2
///   gaussian    a grid of Gaussian filters that the decoder moves and widens   Gregor et al. 2015 (DRAW), section 3.2
///   convolutional     K * [K_2 * relu(K_1 * a) . W_h h; alpha_{t-1}], each * a convolution over the grid
///                                                            Allamanis et al. 2016, section 2; Chorowski et al. 2015
///   attentive_reader  v · tanh(W_a a + W_h h), and the decoder gets tanh(W_r r + W_g h) of the context r
///                                                                              Hermann et al. 2015, section 3.2
///   impatient_reader  v · tanh(W_a a + W_h h + W_q r_{t-1}), where r_t = context + tanh(W_n r_{t-1}) is what was read
///                     so far, and the decoder gets tanh(W_r r_t + W_g h)       Hermann et al. 2015, section 3.2
/// Throws UsageError where they contradict each other, D or H: see check_attention().
std::shared_ptr<Attention> make_attention(const AttentionOptions& options, int64_t annotation_size,
                                          int64_t hidden_size);

/// Throws UsageError where `options` ask for the impossible on a grid of h x w cells, with annotations of size D (after
/// the decoder's projection) and a state of size H.
void check_attention(const AttentionOptions& options, std::array<int64_t, 2> grid, int64_t annotation_size,
                     int64_t hidden_size);

}  // namespace attend
