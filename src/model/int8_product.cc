#include "model/int8_product.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>

#include "model/lanes.h"

namespace attend {

#ifdef __AVX512VNNI__
namespace {

// A packed matrix is a row of blocks of 16 outputs: their scales [16] fp32, the sums of their weights times -128 [16]
// int32, and their weights [I / 4, 16, 4] int8.
constexpr int64_t kHeader = 2 * kLanes * 4;
int64_t block_bytes(int64_t inputs) { return kHeader + inputs * kLanes; }
int64_t block_count(int64_t outputs) { return (outputs + kLanes - 1) / kLanes; }

struct Problem {
  int64_t M, I, O;
  const uint8_t* x;
  const float* steps;  // [M] or null
  const int8_t* packed;
  const float* bias;  // [O] or null
  Activation activation;
};

using ::attend::store_lanes;
/// In whole steps from 0 to 255.
[[gnu::always_inline]] inline void store_lanes(uint8_t* to, Lanes lanes, int64_t count) {
  const auto rounded = _mm512_maskz_cvtps_epi32(0xffff, reinterpret_cast<__m512>(larger(lanes, Lanes{})));
  _mm_mask_storeu_epi8(to, first_lanes(count), _mm512_maskz_cvtusepi32_epi8(0xffff, rounded));
}

/// Outputs of `rows` rows from the first of kBlocks blocks on; as many sums as registers hold.
template <int kBlocks, int kRows, class Out>
void multiply_tile(const Problem& p, int64_t row, int64_t rows, int64_t block, const Out* residual, Out* out) {
  const int64_t stride = block_bytes(p.I);
  const int8_t* packed = p.packed + block * stride;
  const uint8_t* x[kRows];  // rows past the last are the last one again
  unroll<kRows>([&](auto m) { x[m] = p.x + (row + std::min<int64_t>(m, rows - 1)) * p.I; });

  __m512i sum[kRows][kBlocks];
  unroll<kBlocks>([&](auto n) {
    const auto start = p.steps ? _mm512_loadu_si512(packed + n * stride + kHeader / 2) : _mm512_setzero_si512();
    unroll<kRows>([&](auto m) { sum[m][n] = start; });
  });
  const int8_t* weights = packed + kHeader;
  for (int64_t i = 0; i < p.I; i += 4) {
    __m512i w[kBlocks];
    unroll<kBlocks>([&](auto n) { w[n] = _mm512_loadu_si512(weights + n * stride + i * kLanes); });
    unroll<kRows>([&](auto m) {
      int32_t four;
      std::memcpy(&four, x[m] + i, sizeof four);
      const auto values = _mm512_set1_epi32(four);
      unroll<kBlocks>([&](auto n) { sum[m][n] = _mm512_dpbusd_epi32(sum[m][n], values, w[n]); });
    });
  }

  constexpr float kGain = std::is_same_v<Out, uint8_t> ? 1 / kRelu6Step : 1;
  unroll<kBlocks>([&](auto n) {
    const int64_t first = (block + n) * kLanes, left = p.O - first;
    const Lanes scale = load_lanes(reinterpret_cast<const float*>(packed + n * stride)) * kGain;
    const Lanes bias = p.bias ? load_lanes(p.bias + first, left) * kGain : Lanes{};
    unroll<kRows>([&](auto m) {
      if (m >= rows) return;
      const float step = p.steps ? p.steps[row + m] : kRelu6Step;
      Lanes value = reinterpret_cast<Lanes>(_mm512_maskz_cvtepi32_ps(0xffff, sum[m][n])) * step * scale + bias;
      const int64_t at = (row + m) * p.O + first;
      if constexpr (!std::is_same_v<Out, uint8_t>) {
        if (p.activation == Activation::kRelu6) value = relu6(value);
        if (residual) value += load_lanes(residual + at, left);
      }
      store_lanes(out + at, value, left);
    });
  });
}

template <class Out>
void multiply_rows(const Problem& p, const Out* residual, Out* out) {
  // A part's rows stay in the second nearest cache while all weights pass by, and a block of weights in the nearest one.
  constexpr int64_t kPartBytes = 128 * 1024, kTile = 12;
  const int64_t share = (p.M + at::get_num_threads() - 1) / at::get_num_threads();
  const int64_t most_rows = std::max(std::min(kPartBytes / p.I, share) / kTile * kTile, kTile);
  const int64_t blocks = block_count(p.O);
  // As even as four blocks at most a time allow.
  const int64_t parts = (blocks + 3) / 4;
  at::parallel_for(0, (p.M + most_rows - 1) / most_rows, 1, [&](int64_t begin, int64_t end) {
    for (int64_t part = begin; part < end; ++part) {
      for (int64_t i = 0; i < parts; ++i) {
        const int64_t block = blocks * i / parts, count = blocks * (i + 1) / parts - block;
        const int64_t last = std::min((part + 1) * most_rows, p.M);
        const auto tiles = [&]<int kBlocks, int kRows>() {
          for (int64_t row = part * most_rows; row < last; row += kRows)
            multiply_tile<kBlocks, kRows>(p, row, std::min<int64_t>(kRows, last - row), block, residual, out);
        };
        if (count == 4) tiles.template operator()<4, 6>();
        else if (count == 3) tiles.template operator()<3, 6>();
        else if (count == 2) tiles.template operator()<2, 12>();
        else tiles.template operator()<1, 12>();
      }
    }
  });
}

Lanes magnitude(Lanes lanes) { return reinterpret_cast<Lanes>(_mm512_abs_ps(reinterpret_cast<__m512>(lanes))); }

template <class T>
void quantize(const T* x, int64_t pictures, int64_t cells, int64_t inputs, uint8_t* values, float* steps) {
  constexpr int kAtOnce = 4;
  const int64_t count = cells * inputs;
  at::parallel_for(0, pictures, 1, [&](int64_t begin, int64_t end) {
    for (int64_t picture = begin; picture < end; ++picture) {
      const T* from = x + picture * count;
      uint8_t* to = values + picture * count;
      Lanes most[kAtOnce]{};
      in_steps<kAtOnce * kLanes>(count, [&](int64_t i, auto left) {
        unroll<kAtOnce>([&](auto n) {
          most[n] = larger(most[n], magnitude(load_lanes(from + i + n * kLanes, left - n * kLanes)));
        });
      });
      float largest = 0;
      for (const auto& lanes : most)
        for (int64_t i = 0; i < kLanes; ++i) largest = std::max(largest, lanes[i]);
      std::fill_n(steps + picture * cells, cells, largest / 127);
      const float inverse = largest > 0 ? 127 / largest : 0;
      in_steps<kAtOnce * kLanes>(count, [&](int64_t i, auto left) {
        unroll<kAtOnce>([&](auto n) {
          const int64_t at = i + n * kLanes;
          store_lanes(to + at, load_lanes(from + at, left - n * kLanes) * inverse + 128.0f, left - n * kLanes);
        });
      });
    }
  });
}

}  // namespace

torch::Tensor pack_int8_matrix(const torch::Tensor& matrix) {
  const int64_t O = matrix.size(0), I = matrix.size(1), blocks = block_count(O);
  TORCH_CHECK(I % 4 == 0, "int8 product: the inputs must be a multiple of 4");
  const auto rows = matrix.to(torch::kFloat).contiguous();                                // [O, I]
  auto packed = torch::zeros({blocks * block_bytes(I)}, torch::kChar);                    // flat
  for (int64_t o = 0; o < O; ++o) {
    const float* from = rows.data_ptr<float>() + o * I;
    int8_t* block = packed.data_ptr<int8_t>() + o / kLanes * block_bytes(I);
    float most = 0;
    for (int64_t i = 0; i < I; ++i) most = std::max(most, std::abs(from[i]));
    const float scale = most / 127, inverse = most > 0 ? 127 / most : 0;
    int32_t offset = 0;
    for (int64_t i = 0; i < I; ++i) {
      const auto value = static_cast<int8_t>(std::lround(from[i] * inverse));
      block[kHeader + (i / 4 * kLanes + o % kLanes) * 4 + i % 4] = value;
      offset -= 128 * value;
    }
    std::memcpy(block + o % kLanes * 4, &scale, sizeof scale);
    std::memcpy(block + kHeader / 2 + o % kLanes * 4, &offset, sizeof offset);
  }
  return packed;
}

Int8Rows quantize_rows(const torch::Tensor& x, int64_t cells) {
  const int64_t pictures = x.size(0) / cells;
  const Int8Rows rows{torch::empty(x.sizes(), torch::kByte), torch::empty({x.size(0)})};  // [M, I], [M]
  const auto run = [&](auto type) {
    quantize(x.data_ptr<decltype(type)>(), pictures, cells, x.size(1), rows.values.data_ptr<uint8_t>(),
             rows.steps.data_ptr<float>());
  };
  x.scalar_type() == torch::kBFloat16 ? run(c10::BFloat16{}) : run(float{});
  return rows;
}

void multiply_int8(const Int8Rows& x, const torch::Tensor& packed, const torch::Tensor& bias, Activation activation,
                   const torch::Tensor& residual, torch::Tensor out) {
  const Problem problem{x.values.size(0),
                        x.values.size(1),
                        out.size(1),
                        x.values.data_ptr<uint8_t>(),
                        x.steps.defined() ? x.steps.data_ptr<float>() : nullptr,
                        packed.data_ptr<int8_t>(),
                        bias.defined() ? bias.data_ptr<float>() : nullptr,
                        activation};
  const auto run = [&](auto type) {
    using Out = decltype(type);
    multiply_rows<Out>(problem, residual.defined() ? residual.data_ptr<Out>() : nullptr, out.data_ptr<Out>());
  };
  if (out.scalar_type() == torch::kByte) {
    TORCH_CHECK(activation == Activation::kRelu6 && !residual.defined(), "int8 product: u8 is what ReLU6 bounds, and no sum");
    return run(uint8_t{});
  }
  if (out.scalar_type() == torch::kBFloat16) return run(c10::BFloat16{});
  TORCH_CHECK(out.scalar_type() == torch::kFloat, "int8 product: the result must be u8, fp32 or bf16");
  run(float{});
}

bool multiplies_int8() { return __builtin_cpu_supports("avx512vnni"); }
#else
namespace {
[[noreturn]] void refuse() { TORCH_CHECK(false, "int8 product: this build has no instructions for it"); }
}  // namespace

torch::Tensor pack_int8_matrix(const torch::Tensor&) { refuse(); }
Int8Rows quantize_rows(const torch::Tensor&, int64_t) { refuse(); }
void multiply_int8(const Int8Rows&, const torch::Tensor&, const torch::Tensor&, Activation, const torch::Tensor&, torch::Tensor) {
  refuse();
}
bool multiplies_int8() { return false; }
#endif

}  // namespace attend
