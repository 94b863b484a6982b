// The scores that attention can weigh annotations by; make_attention() gives their formulas and sources.
//
// B pictures · R rows · L grid cells · D annotation size · A attention size · H size of the decoder's state
#pragma once

#include "model/attention.h"
#include "model/layers.h"

namespace attend {

/// additive and concat: keys W_a a [B, L, A], query W_h h [R, A], v [A].
class AdditiveAttention : public Attention {
 public:
  AdditiveAttention(const AttentionOptions& options, int64_t annotation_size, int64_t hidden_size);

 protected:
  void prepare(Memory& memory) override;
  Glimpse expect(const Memory& memory, const torch::Tensor& hidden, const torch::Tensor& pictures,
                 const torch::Tensor& bias) override;

 private:
  Linear key_{nullptr}, query_{nullptr};
  torch::Tensor v_;  // [A]
};

/// dot, scaled_dot and general: keys a or W a [B, L, H], query h [R, H].
class DotAttention : public Attention {
 public:
  DotAttention(const AttentionOptions& options, int64_t annotation_size, int64_t hidden_size);

 protected:
  void prepare(Memory& memory) override;
  Glimpse expect(const Memory& memory, const torch::Tensor& hidden, const torch::Tensor& pictures,
                 const torch::Tensor& bias) override;

 private:
  Linear key_{nullptr};  // of general
  double scale_;
};

/// multi_head: keys and values [B, L, A], query [R, A], each A / heads a head; the heads' contexts side by side are
/// projected to [R, D]. alpha is the mean of the heads' weights; a hard glimpse sees the values of one cell.
class MultiHeadAttention : public Attention {
 public:
  MultiHeadAttention(const AttentionOptions& options, int64_t annotation_size, int64_t hidden_size);

 protected:
  void prepare(Memory& memory) override;
  Glimpse expect(const Memory& memory, const torch::Tensor& hidden, const torch::Tensor& pictures,
                 const torch::Tensor& bias) override;
  torch::Tensor context_at(const Memory& memory, const torch::Tensor& pictures, const torch::Tensor& cells) override;

 private:
  Linear key_{nullptr}, query_{nullptr}, value_{nullptr}, out_{nullptr};
};

/// gaussian: N x N filters around a centre with a stride between them and a width, all predicted from h as in DRAW
/// (section 3.2, without its intensity: the gate beta is one). Every filter's weights sum to one over the
/// grid; the filters' contexts side by side, [R, N² D], are projected to [R, D]. alpha is the mean of the filters.
class GaussianAttention : public Attention {
 public:
  GaussianAttention(const AttentionOptions& options, int64_t annotation_size, int64_t hidden_size);

 protected:
  void prepare(Memory& memory) override;
  Glimpse expect(const Memory& memory, const torch::Tensor& hidden, const torch::Tensor& pictures,
                 const torch::Tensor& bias) override;

 private:
  Linear window_{nullptr}, out_{nullptr};
};

/// kind none: the mean annotation at every word, as a baseline that shows what attention buys (after Vinyals et al.
/// 2015, who show the picture once).
class MeanAttention : public Attention {
 public:
  explicit MeanAttention(const AttentionOptions& options) : Attention(options, 0) {}

 protected:
  void prepare(Memory& memory) override;
  Glimpse expect(const Memory& memory, const torch::Tensor& hidden, const torch::Tensor& pictures,
                 const torch::Tensor& bias) override;
};

}  // namespace attend
