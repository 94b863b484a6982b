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
                 const torch::Tensor& bias, const torch::Tensor& before) override;
  /// What is held against the keys, [R, A].
  virtual torch::Tensor query(const torch::Tensor& hidden, const torch::Tensor& before);

 private:
  Linear key_{nullptr}, query_{nullptr};
  torch::Tensor v_;  // [A]
};

/// attentive_reader and impatient_reader, whose document is the grid and whose query is the decoder's state: the score is
/// additive without b. The decoder gets what was read, r [R, D], joined with the query: g = tanh(W_r r + W_g h), [R, D].
/// The impatient reader reads again at every word, knowing what it has read: r_{t-1} joins the query, and
/// r_t = context + tanh(W_n r_{t-1}), with r_0 = 0. A hard glimpse reads one cell in place of the expected context.
class ReaderAttention : public AdditiveAttention {
 public:
  ReaderAttention(const AttentionOptions& options, int64_t annotation_size, int64_t hidden_size);

 protected:
  torch::Tensor query(const torch::Tensor& hidden, const torch::Tensor& before) override;
  void conclude(Glimpse& glimpse, const torch::Tensor& hidden, const torch::Tensor& before) override;

 private:
  Linear read_{nullptr}, state_{nullptr};       // W_r, W_g
  Linear read_query_{nullptr}, next_{nullptr};  // W_q, W_n, of the impatient reader
};

/// convolutional: Allamanis et al. 2016, equations of section 2, over a grid in place of a sequence. With * a convolution of
/// 3 x 3 cells that pads with zeros,
///   F = K_2 * relu(K_1 * a)                 [A, L], keys: what a cell and those around it are
///   F_t = F . W_h h, each row of F by an entry of W_h h, divided by its norm over all cells and multiplied by sqrt(L)
///   alpha_t = softmax(K * [F_t; alpha_{t-1}])
/// The factor sqrt(L), which K could hold, makes weights mean the same on every grid. That the weights before are one more
/// map under K is after Chorowski et al. 2015 (equation 8, where they have filters of their own); at the first word they
/// are zero.
class ConvolutionalAttention : public Attention {
 public:
  ConvolutionalAttention(const AttentionOptions& options, int64_t annotation_size, int64_t hidden_size);

 protected:
  void prepare(Memory& memory) override;
  Glimpse expect(const Memory& memory, const torch::Tensor& hidden, const torch::Tensor& pictures,
                 const torch::Tensor& bias, const torch::Tensor& before) override;

 private:
  Linear query_{nullptr};
  torch::Tensor first_, second_, last_;  // K_1 [A, D, 3, 3], K_2 [A, A, 3, 3], K [1, A + 1, 3, 3]
};

/// dot, scaled_dot and general: keys a or W a [B, L, H], query h [R, H].
class DotAttention : public Attention {
 public:
  DotAttention(const AttentionOptions& options, int64_t annotation_size, int64_t hidden_size);

 protected:
  void prepare(Memory& memory) override;
  Glimpse expect(const Memory& memory, const torch::Tensor& hidden, const torch::Tensor& pictures,
                 const torch::Tensor& bias, const torch::Tensor& before) override;

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
                 const torch::Tensor& bias, const torch::Tensor& before) override;
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
                 const torch::Tensor& bias, const torch::Tensor& before) override;

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
                 const torch::Tensor& bias, const torch::Tensor& before) override;
};

}  // namespace attend
