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
#ifdef ATTEND_TILES
constexpr int64_t kTile = 32;  // rows
#else
constexpr int64_t kTile = 12;  // rows; a multiple of every kRows
#endif

#ifdef ATTEND_TILES
// Tiles are registers of 16 rows of 64 bytes. TDPBUSD multiplies up to 64 inputs of 16 rows with their weights for 16 outputs, which
// lie as the other instruction wants them, and adds to 16x16 sums. Inputs are divided into even parts, the last one filled up with
// weights of 0, so whatever stands behind a row may be read as more inputs.
constexpr int64_t kTileRows = 16, kRegister = 64;  // rows of a tile, and bytes of one
constexpr int64_t kFewestProducts = 1 << 16;       // that tiles pay for: setting them up takes 0.1 us
int64_t part_count(int64_t inputs) { return (inputs + kRegister - 1) / kRegister; }
int64_t part_inputs(int64_t inputs) {
  const int64_t parts = part_count(inputs);
  return (inputs + parts * kInputs - 1) / (parts * kInputs) * kInputs;
}
int64_t padded_inputs(int64_t inputs) { return part_count(inputs) * part_inputs(inputs); }
#else
int64_t padded_inputs(int64_t inputs) { return inputs; }
#endif

int64_t block_bytes(int64_t inputs) {
  return kHeader + padded_inputs(inputs) * kLanes * static_cast<int64_t>(sizeof(Weight));
}
int64_t block_count(int64_t outputs) { return (outputs + kLanes - 1) / kLanes; }

/// What a block of sums becomes.
template <class Out>
struct Outputs {
  static constexpr bool kSteps = std::is_same_v<Out, uint8_t>;
  static constexpr float kGain = kSteps ? 1 / kRelu6Step : 1;
  int64_t first, left;  // of the outputs
  Lanes scale, bias;
  bool relu6;

  [[gnu::always_inline]] Outputs(const Int8Product& p, int64_t block)
      : first(block * kLanes), left(p.O - first), relu6(p.relu6) {
    const char* packed = static_cast<const char*>(p.packed) + block * block_bytes(p.I);
    scale = load_lanes(reinterpret_cast<const float*>(packed)) * kGain;
    bias = p.bias ? load_lanes(p.bias + first, left) * kGain : Lanes{};
  }

  /// residual: of the row and the block, or null.
  [[gnu::always_inline]] Lanes of(LaneIntegers sum, float step, const Out* residual) const {
    Lanes value = to_lanes(sum) * step * scale + bias;
    if constexpr (!kSteps) {
      if (relu6) value = kernels::ATTEND_SET::relu6(value);
      if (residual) value += load_lanes(residual, left);
    }
    return value;
  }
};

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

  const Out* residual = static_cast<const Out*>(p.residual);
  unroll<kBlocks>([&](auto n) __attribute__((always_inline)) {
    const Outputs<Out> outputs(p, block + n);
    unroll<kRows>([&](auto m) __attribute__((always_inline)) {
      if (m >= rows) return;
      const int64_t at = (row + m) * p.O + outputs.first;
      const Lanes value = outputs.of(reinterpret_cast<LaneIntegers>(sum[m][n]), p.steps ? p.steps[row + m] : kRelu6Step,
                                     residual ? residual + at : nullptr);
      store_lanes(static_cast<Out*>(p.out) + at, value, outputs.left);
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

#ifdef ATTEND_TILES
/// As LDTILECFG reads it.
struct TileShapes {
  uint8_t palette = 1, start_row = 0, reserved[14]{};
  uint16_t row_bytes[16]{};
  uint8_t rows[16]{};
};

/// The compiler doesn't know what instructions for tiles read: all that it has yet to write is written.
[[gnu::always_inline]] inline void write_all(const void* from) { asm volatile("" ::"r"(from) : "memory"); }

// Two tiles of rows times two blocks are under way at a time.
constexpr int64_t kPairRows = 2 * kTileRows, kSums = kPairRows * 2 * kLanes;

[[gnu::always_inline]] inline __m512i up_to_255(Lanes lanes) {
  return reinterpret_cast<__m512i>(nearest_integers(smaller(splat(255), lanes)));  // NaN stays, and becomes 0
}

/// Two blocks side by side.
[[gnu::always_inline]] inline void store_pair(uint8_t* to, Lanes a, Lanes b, int64_t left) {
  const auto halves = _mm512_packs_epi32(up_to_255(a), up_to_255(b));
  const auto bytes = _mm512_packus_epi16(halves, halves);
  const auto order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 0, 0, 0, 0, 0, 0, 0, 0);
  const auto both = _mm512_maskz_extracti64x4_epi64(0xf, _mm512_maskz_permutexvar_epi32(0xff, order, bytes), 0);
  _mm256_mask_storeu_epi8(to, left < 2 * kLanes ? (1u << left) - 1 : ~0u, both);
}

template <class Out>
[[gnu::always_inline]] inline void store_pair(Out* to, Lanes a, Lanes b, int64_t left) {
  store_lanes(to, a);
  store_lanes(to + kLanes, b, left - kLanes);
}

/// Makes outputs of sums [rows, 2, kLanes], a few rows at a time.
template <int kBlocks, class Out>
struct Finisher {
  const Outputs<Out> a, b;
  const int32_t* sums = nullptr;
  const float* steps = nullptr;
  const Out* residual = nullptr;
  Out* to = nullptr;
  int64_t rows = 0;

  Finisher(const Int8Product& p, int64_t block) : a(p, block), b(p, block + kBlocks - 1) {}

  [[gnu::always_inline]] void start(const Int8Product& p, const int32_t* of, int64_t row, int64_t count) {
    sums = of;
    steps = p.steps ? p.steps + row : nullptr;
    residual = p.residual ? static_cast<const Out*>(p.residual) + row * p.O + a.first : nullptr;
    to = static_cast<Out*>(p.out) + row * p.O + a.first;
    rows = count;
  }

  [[gnu::always_inline]] void finish(const Int8Product& p, int64_t count) {
    count = least(count, rows);
    rows -= count;
    const int64_t O = p.O;
    for (; count > 0; --count) {
      LaneIntegers sum;
      std::memcpy(&sum, sums, sizeof sum);
      const float step = steps ? *steps++ : kRelu6Step;
      const Lanes value = a.of(sum, step, residual);
      if constexpr (kBlocks == 2) {
        std::memcpy(&sum, sums + kLanes, sizeof sum);
        store_pair(to, value, b.of(sum, step, residual ? residual + kLanes : nullptr), a.left);
      } else {
        store_lanes(to, value, a.left);
      }
      sums += 2 * kLanes;
      to += O;
      if (residual) residual += O;
    }
  }
};

/// Sums of one or two tiles of rows and one or two blocks. Meanwhile, between one instruction for tiles and the next, outputs are made
/// of the sums before: the processor looks no further ahead than a few hundred instructions.
template <int kTiles, int kBlocks, class Out>
[[gnu::always_inline]] inline void multiply_tiles(const Int8Product& p, const uint8_t* x, int64_t x_stride,
                                                  const char* packed, int64_t stride, int32_t* sums,
                                                  Finisher<kBlocks, Out>& before) {
  const int64_t parts = part_count(p.I), inputs = part_inputs(p.I);
  const int64_t places = (parts + 1) * kTiles * kBlocks, share = (before.rows + places - 1) / places;
  if (p.steps) {
    _tile_loadd(0, packed + kScales, 0);
    if constexpr (kBlocks == 2) _tile_loadd(1, packed + stride + kScales, 0);
    if constexpr (kTiles == 2) _tile_loadd(2, packed + kScales, 0);
    if constexpr (kBlocks == 2 && kTiles == 2) _tile_loadd(3, packed + stride + kScales, 0);
  } else {
    _tile_zero(0);
    if constexpr (kBlocks == 2) _tile_zero(1);
    if constexpr (kTiles == 2) _tile_zero(2);
    if constexpr (kBlocks == 2 && kTiles == 2) _tile_zero(3);
  }
  const char* weights = packed + kHeader;
  for (int64_t part = 0; part < parts; ++part) {
    _tile_loadd(4, x, x_stride);
    _tile_loadd(6, weights, kRegister);
    _tile_dpbusd(0, 4, 6);
    before.finish(p, share);
    if constexpr (kBlocks == 2) {
      _tile_loadd(7, weights + stride, kRegister);
      _tile_dpbusd(1, 4, 7);
      before.finish(p, share);
    }
    if constexpr (kTiles == 2) {
      _tile_loadd(5, x + kTileRows * x_stride, x_stride);
      _tile_dpbusd(2, 5, 6);
      before.finish(p, share);
      if constexpr (kBlocks == 2) {
        _tile_dpbusd(3, 5, 7);
        before.finish(p, share);
      }
    }
    x += inputs;
    weights += inputs / kInputs * kRegister;
  }
  constexpr int64_t kRow = 2 * kRegister;
  _tile_stored(0, sums, kRow);
  before.finish(p, share);
  if constexpr (kBlocks == 2) {
    _tile_stored(1, sums + kLanes, kRow);
    before.finish(p, share);
  }
  if constexpr (kTiles == 2) {
    _tile_stored(2, sums + kSums / 2, kRow);
    before.finish(p, share);
    if constexpr (kBlocks == 2) {
      _tile_stored(3, sums + kSums / 2 + kLanes, kRow);
      before.finish(p, share);
    }
  }
}

/// All rows times one or two blocks. sums [2, kSums]. `last_rows`: a copy of the rows of the last pair of tiles, or null.
template <int kBlocks, class Out>
void multiply_blocks(const Int8Product& p, int32_t* sums, const uint8_t* last_rows, int64_t block, int64_t first_row,
                     int64_t last_row) {
  const int64_t stride = block_bytes(p.I);
  const char* packed = static_cast<const char*>(p.packed) + block * stride;
  const int32_t* const first_sums = sums;
  Finisher<kBlocks, Out> before(p, block);
  for (int64_t row = first_row; row < last_row; row += kPairRows) {
    const int64_t rows = least(kPairRows, last_row - row);
    const bool copied = last_rows && row + kPairRows >= last_row;
    const uint8_t* x = copied ? last_rows : p.x + row * p.I;
    const int64_t x_stride = copied ? padded_inputs(p.I) : p.I;
    if (rows > kTileRows)
      multiply_tiles<2>(p, x, x_stride, packed, stride, sums, before);
    else
      multiply_tiles<1>(p, x, x_stride, packed, stride, sums, before);
    before.start(p, sums, row, rows);
    sums += sums == first_sums ? kSums : -kSums;
  }
  before.finish(p, kPairRows);
}

template <class Out>
void multiply_in_tiles(const Int8Product& p, void* scratch, int64_t first_row, int64_t last_row) {
  const int64_t inputs = part_inputs(p.I), padded = padded_inputs(p.I);
  TileShapes shapes;
  for (int i = 0; i < 8; ++i) {
    shapes.row_bytes[i] = static_cast<uint16_t>(i == 4 || i == 5 ? inputs : kRegister);
    shapes.rows[i] = static_cast<uint8_t>(i < 6 ? kTileRows : inputs / kInputs);
  }
  auto* sums = static_cast<int32_t*>(scratch);
  uint8_t* copy = nullptr;
  const int64_t last_pair = first_row + (last_row - first_row - 1) / kPairRows * kPairRows, left = last_row - last_pair;
  const int64_t read = (left > kTileRows ? kPairRows : kTileRows) - 1;
  if ((last_pair + read) * p.I + padded > p.M * p.I) {    // tiles would reach beyond the last row
    copy = reinterpret_cast<uint8_t*>(sums + 2 * kSums);  // [kPairRows, padded]
    std::memset(copy, 0, static_cast<size_t>(kPairRows * padded));
    for (int64_t m = 0; m < left; ++m)
      std::memcpy(copy + m * padded, p.x + (last_pair + m) * p.I, static_cast<size_t>(p.I));
  }
  write_all(&shapes);
  write_all(copy);
  _tile_loadconfig(&shapes);
  const int64_t blocks = block_count(p.O);
  int64_t block = 0;
  for (; block + 2 <= blocks; block += 2) multiply_blocks<2, Out>(p, sums, copy, block, first_row, last_row);
  if (block < blocks) multiply_blocks<1, Out>(p, sums, copy, block, first_row, last_row);
  _tile_release();
}
#endif

template <class Out>
void multiply_rows(const Int8Product& p, void* scratch, int64_t first_row, int64_t last_row) {
#ifdef ATTEND_TILES
  if ((last_row - first_row) * p.I * p.O >= kFewestProducts)
    return multiply_in_tiles<Out>(p, scratch, first_row, last_row);
#endif
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
  // A part's rows stay in the second nearest cache while all weights pass by, and a block of weights in the nearest one. Their
  // outputs are written a block at a time: no more of them than the processor remembers the pages of.
  constexpr int64_t kPartBytes = 128 * 1024, kOutBytes = 256 * 1024;
  const int64_t out_bytes = p.storage == Storage::kFloat ? 4 : p.storage == Storage::kBFloat16 ? 2 : 1;
  const int64_t fitting =
      least(kPartBytes / (p.I * static_cast<int64_t>(sizeof(Value))), kOutBytes / (p.O * out_bytes)) / kTile;
  const int64_t share = (p.M + threads - 1) / threads;
  return most<int64_t>(least((share + kTile - 1) / kTile, fitting), 1) * kTile;
}

int64_t int8_scratch_bytes([[maybe_unused]] const Int8Product& p, [[maybe_unused]] int64_t rows) {
#if defined(ATTEND_TILES)
  return 2 * kSums * static_cast<int64_t>(sizeof(int32_t)) + kPairRows * padded_inputs(p.I);
#elif defined(ATTEND_BYTES)
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
