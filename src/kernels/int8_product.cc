// M rows · I inputs · O outputs
#include "kernels/lanes.h"
#include "kernels/set.h"

namespace attend::kernels::ATTEND_SET {
namespace {

// A packed matrix is a row of blocks of kLanes outputs: their scales [kLanes] fp32, and their weights. All sums are exact.
// With instructions that multiply four bytes and add their products (VNNI), weights are [I / 4, kLanes, 4] int8, and the sums of
// the weights times -128 [kLanes] int32 stand before them: what the instruction takes as unsigned is x + 128.
// Without, they are [I / 2, kLanes, 2] int16, as rows are made before they are multiplied. (The instruction of AVX2 for bytes
// cuts its sums of two off at 16 bits, which the weights of trained networks exceed in every third register.)
#if defined(ATTEND_AVX512) && defined(__AVX512VNNI__)
#define ATTEND_BYTES 1
using Sum = __m512i;
[[gnu::always_inline]] inline Sum no_sum() { return _mm512_setzero_si512(); }
[[gnu::always_inline]] inline Sum load_sum(const void* from) { return _mm512_loadu_si512(from); }
[[gnu::always_inline]] inline Sum same(int32_t value) { return _mm512_set1_epi32(value); }
[[gnu::always_inline]] inline Sum add_products(Sum sum, Sum x, Sum w) { return _mm512_dpbusd_epi32(sum, x, w); }
#elif defined(ATTEND_AVX512)
using Sum = __m512i;
[[gnu::always_inline]] inline Sum no_sum() { return _mm512_setzero_si512(); }
[[gnu::always_inline]] inline Sum load_sum(const void* from) { return _mm512_loadu_si512(from); }
[[gnu::always_inline]] inline Sum same(int32_t value) { return _mm512_set1_epi32(value); }
[[gnu::always_inline]] inline Sum add_products(Sum sum, Sum x, Sum w) {
  return _mm512_add_epi32(sum, _mm512_madd_epi16(x, w));
}
#elif defined(ATTEND_AVX2)
using Sum = __m256i;
[[gnu::always_inline]] inline Sum no_sum() { return _mm256_setzero_si256(); }
[[gnu::always_inline]] inline Sum load_sum(const void* from) {
  return _mm256_loadu_si256(static_cast<const __m256i*>(from));
}
[[gnu::always_inline]] inline Sum same(int32_t value) { return _mm256_set1_epi32(value); }
#ifdef __AVXVNNI__
#define ATTEND_BYTES 1
[[gnu::always_inline]] inline Sum add_products(Sum sum, Sum x, Sum w) { return _mm256_dpbusd_avx_epi32(sum, x, w); }
#else
[[gnu::always_inline]] inline Sum add_products(Sum sum, Sum x, Sum w) {
  return _mm256_add_epi32(sum, _mm256_madd_epi16(x, w));
}
#endif
#else
using Sum = LaneIntegers;
[[gnu::always_inline]] inline Sum no_sum() { return Sum{}; }
[[gnu::always_inline]] inline Sum load_sum(const void* from) {
  Sum sum;
  std::memcpy(&sum, from, sizeof sum);
  return sum;
}
[[gnu::always_inline]] inline Sum same(int32_t value) { return Sum{} + value; }
[[gnu::always_inline]] inline Sum add_products(Sum sum, Sum x, Sum w) {
  return sum + (x << 16 >> 16) * (w << 16 >> 16) + (x >> 16) * (w >> 16);
}
#endif

#ifdef ATTEND_BYTES
using Weight = int8_t;
using Value = uint8_t;
#else
using Weight = int16_t;
using Value = int16_t;  // of x as it is multiplied
#endif
constexpr int64_t kInputs = sizeof(int32_t) / sizeof(Weight);  // multiplied and added at once
constexpr int64_t kScales = kLanes * static_cast<int64_t>(sizeof(float)), kHeader = 2 * kScales;

// Sums that registers hold: of kRows rows times 1, 2, … kMostBlocks blocks.
#ifdef ATTEND_AVX512
constexpr int kMostBlocks = 4;
#else
constexpr int kMostBlocks = 2;
#endif
constexpr int64_t kTile = 12;  // rows; a multiple of every kRows

int64_t block_bytes(int64_t inputs) { return kHeader + inputs * kLanes * static_cast<int64_t>(sizeof(Weight)); }
int64_t block_count(int64_t outputs) { return (outputs + kLanes - 1) / kLanes; }

/// Outputs of `rows` rows from the first of kBlocks blocks on; as many sums as registers hold. x: of the first of these rows.
template <int kBlocks, int kRows, class Out>
void multiply_tile(const Int8Product& p, const Value* values, int64_t row, int64_t rows, int64_t block) {
  const int64_t stride = block_bytes(p.I);
  const auto* packed = static_cast<const char*>(p.packed) + block * stride;
  const Value* x[kRows];  // rows past the last are the last one again
  unroll<kRows>([&](auto m) __attribute__((always_inline)) { x[m] = values + least<int64_t>(m, rows - 1) * p.I; });

  Sum sum[kRows][kBlocks];
  unroll<kBlocks>([&](auto n) __attribute__((always_inline)) {
    Sum start = no_sum();
#ifdef ATTEND_BYTES
    if (p.steps) start = load_sum(packed + n * stride + kScales);
#endif
    unroll<kRows>([&](auto m) __attribute__((always_inline)) { sum[m][n] = start; });
  });
  const char* weights = packed + kHeader;
  for (int64_t i = 0; i < p.I; i += kInputs) {
    Sum w[kBlocks];
    unroll<kBlocks>([&](auto n) __attribute__((always_inline)) {
      w[n] = load_sum(weights + n * stride + i * kLanes * static_cast<int64_t>(sizeof(Weight)));
    });
    unroll<kRows>([&](auto m) __attribute__((always_inline)) {
      int32_t some;
      std::memcpy(&some, x[m] + i, sizeof some);
      const Sum same_x = same(some);
      unroll<kBlocks>([&](auto n)
                          __attribute__((always_inline)) { sum[m][n] = add_products(sum[m][n], same_x, w[n]); });
    });
  }

  constexpr bool kSteps = std::is_same_v<Out, uint8_t>;
  constexpr float kGain = kSteps ? 1 / kRelu6Step : 1;
  const Out* residual = static_cast<const Out*>(p.residual);
  Out* out = static_cast<Out*>(p.out);
  unroll<kBlocks>([&](auto n) __attribute__((always_inline)) {
    const int64_t first = (block + n) * kLanes, left = p.O - first;
    const Lanes scale = load_lanes(reinterpret_cast<const float*>(packed + n * stride)) * kGain;
    const Lanes bias = p.bias ? load_lanes(p.bias + first, left) * kGain : Lanes{};
    unroll<kRows>([&](auto m) __attribute__((always_inline)) {
      if (m >= rows) return;
      const float step = p.steps ? p.steps[row + m] : kRelu6Step;
      Lanes value = to_lanes(reinterpret_cast<LaneIntegers>(sum[m][n])) * step * scale + bias;
      const int64_t at = (row + m) * p.O + first;
      if constexpr (!kSteps) {
        if (p.relu6) value = relu6(value);
        if (residual) value += load_lanes(residual + at, left);
      }
      store_lanes(out + at, value, left);
    });
  });
}

/// The rows as they are multiplied: as they are, or in 16 bits and without the 128 that quantize() added.
const Value* values_of(const Int8Product& p, [[maybe_unused]] void* scratch, int64_t first_row,
                       [[maybe_unused]] int64_t last_row) {
  const uint8_t* x = p.x + first_row * p.I;
#ifdef ATTEND_BYTES
  return x;
#else
  auto* values = static_cast<int16_t*>(scratch);
  const int64_t count = (last_row - first_row) * p.I;
  const auto centre = static_cast<int16_t>(p.steps ? 128 : 0);
  for (int64_t i = 0; i < count; ++i) values[i] = static_cast<int16_t>(x[i] - centre);
  return values;
#endif
}

template <class Out>
void multiply_rows(const Int8Product& p, void* scratch, int64_t first_row, int64_t last_row) {
  const Value* values = values_of(p, scratch, first_row, last_row);
  const int64_t blocks = block_count(p.O);
  // As even as so many blocks at most a time allow.
  const int64_t parts = (blocks + kMostBlocks - 1) / kMostBlocks;
  for (int64_t i = 0; i < parts; ++i) {
    const int64_t block = blocks * i / parts, count = blocks * (i + 1) / parts - block;
    const auto tiles = [&]<int kBlocks, int kRows>() {
      for (int64_t row = first_row; row < last_row; row += kRows)
        multiply_tile<kBlocks, kRows, Out>(p, values + (row - first_row) * p.I, row,
                                           least<int64_t>(kRows, last_row - row), block);
    };
#ifdef ATTEND_AVX512
    if (count == 4)
      tiles.template operator()<4, 6>();
    else if (count == 3)
      tiles.template operator()<3, 6>();
    else if (count == 2)
      tiles.template operator()<2, 12>();
    else
      tiles.template operator()<1, 12>();
#else
    if (count == 2)
      tiles.template operator()<2, 6>();
    else
      tiles.template operator()<1, 12>();
#endif
  }
}

template <class T>
float quantize(const T* x, int64_t count, uint8_t* values) {
  constexpr int kAtOnce = 4;
  constexpr int kStep = static_cast<int>(kAtOnce * kLanes);
  Lanes largest_of[kAtOnce]{};
  in_steps<kStep>(
      count, [&](int64_t i, auto left) __attribute__((always_inline)) {
        unroll<kAtOnce>([&](auto n) __attribute__((always_inline)) {
          largest_of[n] = larger(largest_of[n], magnitude(load_lanes(x + i + n * kLanes, left - n * kLanes)));
        });
      });
  float largest = 0;
  for (const auto& lanes : largest_of)
    for (int64_t i = 0; i < kLanes; ++i) largest = most(largest, lanes[i]);
  const float inverse = largest > 0 ? 127 / largest : 0;
  in_steps<kStep>(
      count, [&](int64_t i, auto left) __attribute__((always_inline)) {
        unroll<kAtOnce>([&](auto n) __attribute__((always_inline)) {
          const int64_t at = i + n * kLanes;
          store_lanes(values + at, load_lanes(x + at, left - n * kLanes) * inverse + 128.0f, left - n * kLanes);
        });
      });
  return largest / 127;
}

}  // namespace

int64_t int8_packed_bytes(int64_t I, int64_t O) { return block_count(O) * block_bytes(I); }

void int8_pack(const float* matrix, int64_t I, int64_t O, void* packed) {
  std::memset(packed, 0, int8_packed_bytes(I, O));
  for (int64_t o = 0; o < O; ++o) {
    const float* from = matrix + o * I;
    char* block = static_cast<char*>(packed) + o / kLanes * block_bytes(I);
    const int64_t lane = o % kLanes;
    float largest = 0;
    for (int64_t i = 0; i < I; ++i) largest = most(largest, __builtin_fabsf(from[i]));
    const float scale = largest / 127, inverse = largest > 0 ? 127 / largest : 0;
    int32_t offset = 0;
    for (int64_t i = 0; i < I; ++i) {
      const auto value = static_cast<Weight>(__builtin_lroundf(from[i] * inverse));
      const int64_t at = (i / kInputs * kLanes + lane) * kInputs + i % kInputs;
      std::memcpy(block + kHeader + at * static_cast<int64_t>(sizeof value), &value, sizeof value);
      offset -= 128 * value;
    }
    std::memcpy(block + lane * 4, &scale, sizeof scale);
    std::memcpy(block + kScales + lane * 4, &offset, sizeof offset);
  }
}

int64_t int8_rows(const Int8Product& p, int64_t threads) {
  // A part's rows stay in the second nearest cache while all weights pass by, and a block of weights in the nearest one.
  constexpr int64_t kPartBytes = 128 * 1024;
  const int64_t share = (p.M + threads - 1) / threads;
  return most<int64_t>(least<int64_t>(kPartBytes / (p.I * static_cast<int64_t>(sizeof(Value))), share) / kTile * kTile,
                       kTile);
}

int64_t int8_scratch_bytes([[maybe_unused]] const Int8Product& p, [[maybe_unused]] int64_t rows) {
#ifdef ATTEND_BYTES
  return 0;
#else
  return rows * p.I * static_cast<int64_t>(sizeof(Value));
#endif
}

void int8_multiply(const Int8Product& p, void* scratch, int64_t first_row, int64_t last_row) {
  if (p.storage == Storage::kByte)
    multiply_rows<uint8_t>(p, scratch, first_row, last_row);
  else if (p.storage == Storage::kBFloat16)
    multiply_rows<BFloat16>(p, scratch, first_row, last_row);
  else
    multiply_rows<float>(p, scratch, first_row, last_row);
}

float int8_quantize(Storage storage, const void* x, int64_t count, uint8_t* values) {
  return storage == Storage::kBFloat16 ? quantize(static_cast<const BFloat16*>(x), count, values)
                                       : quantize(static_cast<const float*>(x), count, values);
}

}  // namespace attend::kernels::ATTEND_SET
