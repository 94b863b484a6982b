// Attention: where the decoder looks before it says a word (Show, Attend and Tell, section 4).
// A file a score stands beside this header; the decoder knows only what is here.
//
// B pictures in a batch · R rows (captions or beams, each of one picture) · L grid cells · D annotation size ·
// A attention size · H LSTM size
#pragma once

#include <torch/torch.h>

#include <memory>
#include <string>

#include "base/options.h"

namespace attend {

struct AttentionOptions {
  std::string kind = "soft";       // soft: the expected context (section 4.2)
  std::string score = "additive";  // additive: v · tanh(W_a a + W_h h)
  int size = 512;                  // A

  void list(OptionList& options);
};

/// What a picture gives to every step of its captions, computed once and shared by all its rows.
struct Memory {
  torch::Tensor annotations;  // [B, L, D]
  torch::Tensor keys;         // [B, L, A], the score's own
};

/// One look at the pictures.
struct Glimpse {
  torch::Tensor alpha;    // [R, L], rows sum to one
  torch::Tensor context;  // [R, D], z_t = phi({a_i}, {alpha_i})
};

/// Scores every annotation against the decoder's state and gathers the context.
class Attention : public torch::nn::Module {
 public:
  /// annotations [B, L, D] → the memory that look() reads.
  virtual Memory remember(const torch::Tensor& annotations) = 0;

  /// hidden [R, H], h_{t-1}; pictures: [R] int64 on the CPU, the picture in [0, B) each row belongs to.
  virtual Glimpse look(const Memory& memory, const torch::Tensor& hidden, const torch::Tensor& pictures) = 0;
};

/// Throws UsageError on a kind or score it doesn't know.
std::shared_ptr<Attention> make_attention(const AttentionOptions& options, int64_t annotation_size,
                                          int64_t hidden_size);

}  // namespace attend
