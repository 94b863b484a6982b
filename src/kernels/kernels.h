// What attend computes by hand: loops over raw memory, compiled once for each set of instructions and chosen when the program
// starts. They allocate nothing and know no threads: the caller divides the work into units, and hands in the memory. Sums of
// 8-bit products are exact, so equal whatever set runs; fp32 sums may be made in another order by another set.
//
// N pictures · H x W input · h x w output · C channels · k kernel side · M rows · I inputs · O outputs
#pragma once

#include <cstdint>

namespace attend::kernels {

/// The upper half of an fp32.
struct BFloat16 {
  uint16_t bits;
};

/// How numbers lie in memory.
enum class Storage { kFloat, kBFloat16, kByte, kDouble };

/// What lies between 0 and 6 in 255 steps.
constexpr float kRelu6Step = 6.0f / 255;

/// A depthwise convolution's shape. Rows and columns that the kernel needs outside the picture are 0.
struct DepthwiseGeometry {
  int64_t kernel;         // 3 or 5
  int64_t stride;         // 1 or 2
  int64_t top, left;      // zeros above and left of the picture
  int64_t height, width;  // output
};

/// y = ReLU6(x * weight + bias), see model/depthwise.h.
struct Depthwise {
  DepthwiseGeometry geometry;
  int64_t pictures, height, width, channels;  // of x
  Storage storage;                            // of x and y: kFloat, kBFloat16, or kByte in steps of kRelu6Step
  const void* x;                              // [N, H, W, C]
  const float *weight, *bias;                 // [k, k, C], [C]
  void* y;                                    // [N, h, w, C]
};

/// Its gradients.
struct DepthwiseBackward {
  DepthwiseGeometry geometry;
  int64_t pictures, height, width, channels;  // of x
  Storage storage;                            // of x, y, gy and input: kFloat or kBFloat16
  const void *x, *y, *gy;
  const float* weight;
  void* input;    // written; or null
  bool weighs;    // whether the sums for weight and bias are wanted
  int64_t parts;  // of the pictures
  float* sums;    // [parts, k·k + 2, C], written where wanted: of the weight, the bias, and of `input`
};

/// The way back through bias and ReLU6.
struct ActivationBackward {
  int64_t rows, channels;
  Storage gy_storage, y_storage, out_storage;  // kFloat or kBFloat16
  const void *gy, *y;                          // [M, C]; y is null where there was no activation
  void* out;                                   // [M, C], written; or null
  int64_t parts;                               // of the rows
  float* sums;                                 // [parts, activation_group(C)], added to: of out, by column modulo C
};

/// Pictures u8 [N, H, W, 3] as rows of the values under a 3x3 kernel.
struct Patches {
  int64_t rows, columns;                     // of a picture
  int64_t stride, top, left, height, width;  // like DepthwiseGeometry's
  Storage storage;                           // of the patches: kFloat, kBFloat16, or kByte
  const uint8_t* pictures;
  void* patches;  // [N, height, width, kPatchColumns]

  [[gnu::always_inline]] int64_t line_values() const {
    const int64_t under_kernels = (width - 1) * stride + 3, padded = left + columns;
    return 3 * (under_kernels > padded ? under_kernels : padded);
  }
};
constexpr int64_t kPatchColumns = 32;

/// out = activation(x · matrix^T + bias) + residual in 8-bit integers, see model/int8_product.h.
struct Int8Product {
  int64_t M, I, O;
  const uint8_t* x;    // [M, I]
  const float* steps;  // [M] or null
  const void* packed;  // by int8_pack()
  const float* bias;   // [O] or null
  bool relu6;
  Storage storage;       // of residual and out: kFloat, kBFloat16, kByte
  const void* residual;  // [M, O] or null
  void* out;             // [M, O]
};

/// Soft attention over additive scores or dot products, see model/fused_attention.h.
struct Attention {
  int64_t L, A, D, heads;  // cells; sizes of keys and values of all heads together
  Storage storage;         // of keys and values; all else is kDouble with kDouble, or kFloat
  const void *keys, *values, *queries;
  const void* minus_2v;  // [A], then keys and queries are e^2k and e^2q; null for dot products times `scale`
  double scale;
  const void* bias;       // [R, L] or null
  void *alpha, *context;  // [R, heads, L], [R, D]
};

struct AttentionBackward {
  Attention forward;         // alpha is read
  const void* grad_context;  // [R, D]
  void* grad_alpha;          // [R, heads, L]: enters as what reached alpha from outside, leaves as that of the scores
  void *grad_keys, *grad_values, *grad_v;  // added to; grad_v [B, A] or null
  void* grad_queries;                      // written
};

/// One set's functions. A range [begin, end) of units may be computed by any thread. Scratch is aligned to 64 bytes.
struct Kernels {
  const char* name;      // of the set of instructions
  int64_t lanes;         // fp32 values in a register
  bool multiplies_int8;  // whether products of 8-bit integers are faster than those of fp32
  bool multiplies_bf16;  // whether there are instructions for products of bf16

  // Memory that `prepare` fills for the units of one convolution.
  int64_t (*depthwise_prepared_bytes)(const Depthwise&);
  void (*depthwise_prepare)(const Depthwise&, void* prepared);
  int64_t (*depthwise_units)(const Depthwise&);
  void (*depthwise_relu6)(const Depthwise&, const void* prepared, int64_t begin, int64_t end);

  int64_t (*depthwise_backward_units)(const DepthwiseBackward&);
  int64_t (*depthwise_backward_scratch_bytes)(const DepthwiseBackward&);
  void (*depthwise_relu6_backward)(const DepthwiseBackward&, void* scratch, int64_t begin, int64_t end);

  int64_t (*activation_group)(int64_t channels);  // columns are walked in whole registers: how many of them repeat
  void (*activation_backward)(const ActivationBackward&, int64_t first_part, int64_t last_part);

  /// Units are rows of patches. `lines` has room for 3 · line_values() of them.
  void (*extract_patches)(const Patches&, void* lines, int64_t begin, int64_t end);

  /// A matrix [O, I], I a multiple of 4: rows divided by a scale of their own, 1/127 of their largest value, and rounded.
  int64_t (*int8_packed_bytes)(int64_t I, int64_t O);
  void (*int8_pack)(const float* matrix, int64_t I, int64_t O, void* packed);
  /// Rows that are best multiplied at a time, where `threads` share them.
  int64_t (*int8_rows)(const Int8Product&, int64_t threads);
  int64_t (*int8_scratch_bytes)(const Int8Product&, int64_t rows);
  void (*int8_multiply)(const Int8Product&, void* scratch, int64_t first_row, int64_t last_row);
  /// x fp32 or bf16 [count] → u8 around 128 in steps of 1/127 of the largest size among them; returns the step.
  float (*int8_quantize)(Storage storage, const void* x, int64_t count, uint8_t* values);

  /// One head of rows that look at the same picture. The context is 0 before.
  void (*attend)(const Attention&, int64_t picture, int64_t head, const int64_t* rows, int64_t count);
  void (*attend_backward)(const AttentionBackward&, int64_t picture, int64_t head, int64_t row);

  /// Units are rows: gates [R, 4H] of word and state, and c [R, H] → the next h and c.
  void (*lstm_cell)(int64_t H, const float* word_gates, const float* state_gates, const float* c, float* next_h,
                    float* next_c, int64_t begin, int64_t end);
};

}  // namespace attend::kernels
