#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <limits>
#include <list>

#include "every_set.h"

namespace attend::kernels {
namespace {

// Rows and outputs that fill tiles and blocks, leave some over, and fewer than one; inputs that don't divide into even parts; and
// more rows than are multiplied at a time.
const std::array<int64_t, 3> kShapes[] = {{1, 4, 1},      {5, 16, 7},    {6, 24, 64},   {13, 8, 24},
                                          {30, 88, 40},   {7, 208, 88},  {12, 12, 16},  {7, 120, 208},
                                          {25, 1248, 33}, {1, 512, 130}, {64, 64, 32},  {95, 16, 96},
                                          {47, 24, 72},   {33, 68, 48},  {16, 140, 31}, {300, 528, 24}};

template <class Out>
std::vector<Out> run(const Kernels& set, int64_t M, int64_t I, int64_t O, const uint8_t* x, const float* steps,
                     const std::vector<float>& matrix, const float* bias, bool relu6, const Out* residual) {
  std::vector<char> packed(static_cast<size_t>(set.int8_packed_bytes(I, O)));
  set.int8_pack(matrix.data(), I, O, packed.data());
  std::vector<Out> out(static_cast<size_t>(M * O));
  const Int8Product work{M, I, O, x, steps, packed.data(), bias, relu6, storage_of<Out>(), residual, out.data()};
  const int64_t rows = set.int8_rows(work, 1);
  const Scratch scratch(set.int8_scratch_bytes(work, rows));
  for (int64_t row = 0; row < M; row += rows) set.int8_multiply(work, scratch.data(), row, std::min(row + rows, M));
  return out;
}

class Int8Kernels : public EverySet {};
ATTEND_FOR_EVERY_SET(Int8Kernels);

TEST_P(Int8Kernels, AreTheProductOfTheRoundedMatrices) {
  for (const auto& [M, I, O] : kShapes) {
    std::mt19937 random(static_cast<unsigned>(M));
    const auto x = random_values<uint8_t>(static_cast<size_t>(M * I), random);
    const auto matrix = random_values<float>(static_cast<size_t>(O * I), random),
               bias = random_values<float>(static_cast<size_t>(O), random);
    const auto residual = random_values<float>(static_cast<size_t>(M * O), random);
    std::vector<float> steps(static_cast<size_t>(M));
    for (auto& step : steps) step = 0.01f + 0.001f * static_cast<float>(random() % 10);
    for (const bool centred : {false, true}) {
      const auto got = run<float>(set(), M, I, O, x.data(), centred ? steps.data() : nullptr, matrix, bias.data(),
                                  false, residual.data());
      for (int64_t o = 0; o < O; ++o) {
        float most = 0;
        for (int64_t i = 0; i < I; ++i) most = std::max(most, std::abs(matrix[o * I + i]));
        for (int64_t m = 0; m < M; ++m) {
          int64_t sum = 0;
          for (int64_t i = 0; i < I; ++i)
            sum += std::lround(matrix[o * I + i] * (127 / most)) * (x[m * I + i] - (centred ? 128 : 0));
          const double expected = static_cast<double>(sum) * (centred ? steps[m] : kRelu6Step) * (most / 127) +
                                  bias[o] + residual[m * O + o];
          ASSERT_NEAR(got[m * O + o], expected, 2e-6 * (1 + std::abs(static_cast<double>(sum)) * most / 127))
              << M << ' ' << I << ' ' << O;
        }
      }
    }
  }
}

TEST_P(Int8Kernels, AreEqualInEverySetDownToTheLastBit) {
  for (const auto& [M, I, O] : kShapes) {
    std::mt19937 random(static_cast<unsigned>(M));
    auto x = random_values<uint8_t>(static_cast<size_t>(M * I), random);
    auto matrix = random_values<float>(static_cast<size_t>(O * I), random, 0.05f);
    // What would overflow 16 bits: all weights at their largest, all inputs too.
    std::fill_n(matrix.begin(), I, 1.0f);
    std::fill_n(x.begin(), I, uint8_t{255});
    const auto bias = random_values<float>(static_cast<size_t>(O), random);
    const std::vector<float> steps(static_cast<size_t>(M), 0.03f);
    for (const float* with : {static_cast<const float*>(nullptr), steps.data()}) {
      EXPECT_EQ(run<float>(set(), M, I, O, x.data(), with, matrix, bias.data(), true, nullptr),
                run<float>(plain(), M, I, O, x.data(), with, matrix, bias.data(), true, nullptr))
          << M << ' ' << I << ' ' << O;
      EXPECT_EQ(run<uint8_t>(set(), M, I, O, x.data(), with, matrix, nullptr, true, nullptr),
                run<uint8_t>(plain(), M, I, O, x.data(), with, matrix, nullptr, true, nullptr))
          << M << ' ' << I << ' ' << O;
      const auto residual = random_values<BFloat16>(static_cast<size_t>(M * O), random);
      const auto got = run(set(), M, I, O, x.data(), with, matrix, bias.data(), false, residual.data()),
                 expected = run(plain(), M, I, O, x.data(), with, matrix, bias.data(), false, residual.data());
      for (size_t i = 0; i < got.size(); ++i)
        ASSERT_EQ(got[i].bits, expected[i].bits) << M << ' ' << I << ' ' << O << ' ' << i;
    }
  }
}

TEST_P(Int8Kernels, MakeBytesOfWhatIsNoNumberAlike) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const float steps[] = {std::numeric_limits<float>::quiet_NaN(), kInfinity, -kInfinity, 1e30f, -1e30f};
  for (const int64_t M : {5, 40}) {  // some sets multiply few and many otherwise
    constexpr int64_t kInputs = 64, kOutputs = 48;
    std::mt19937 random(7);
    const auto x = random_values<uint8_t>(static_cast<size_t>(M * kInputs), random);
    const auto matrix = random_values<float>(kOutputs * kInputs, random);
    std::vector<float> step_of(static_cast<size_t>(M));
    for (size_t m = 0; m < step_of.size(); ++m) step_of[m] = steps[m % std::size(steps)];
    EXPECT_EQ(run<uint8_t>(set(), M, kInputs, kOutputs, x.data(), step_of.data(), matrix, nullptr, true, nullptr),
              run<uint8_t>(plain(), M, kInputs, kOutputs, x.data(), step_of.data(), matrix, nullptr, true, nullptr));
  }
}

TEST_P(Int8Kernels, ReadNothingBehindTheLastRow) {
  const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  for (const auto& [M, I, O] : kShapes) {
    const auto bytes = static_cast<size_t>(M * I), whole = (bytes + page - 1) / page * page;
    void* pages = ::mmap(nullptr, whole + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(pages, MAP_FAILED);
    ASSERT_EQ(::mprotect(static_cast<char*>(pages) + whole, page, PROT_NONE), 0);
    auto* x = static_cast<uint8_t*>(pages) + (whole - bytes);
    std::mt19937 random(3);
    std::generate_n(x, bytes, [&] { return static_cast<uint8_t>(random()); });
    const auto matrix = random_values<float>(static_cast<size_t>(O * I), random);
    EXPECT_EQ(run<float>(set(), M, I, O, x, nullptr, matrix, nullptr, false, nullptr),
              run<float>(plain(), M, I, O, std::vector<uint8_t>(x, x + bytes).data(), nullptr, matrix, nullptr, false,
                         nullptr))
        << M << ' ' << I << ' ' << O;
    ::munmap(pages, whole + page);
  }
}

TEST_P(Int8Kernels, QuantizeByTheLargestSizeToTheNearestStep) {
  std::mt19937 random(5);
  for (const int64_t count : {1, 7, 16, 63, 64, 65, 1000}) {
    const auto x = random_values<float>(static_cast<size_t>(count), random, 3);
    std::vector<uint8_t> values(x.size()), others(x.size());
    const float step = set().int8_quantize(Storage::kFloat, x.data(), count, values.data());
    float most = 0;
    for (const float value : x) most = std::max(most, std::abs(value));
    EXPECT_EQ(step, most / 127);
    for (size_t i = 0; i < x.size(); ++i)
      ASSERT_NEAR((values[i] - 128) * step, x[i], 0.501 * step) << count << ' ' << i;
    EXPECT_EQ(plain().int8_quantize(Storage::kFloat, x.data(), count, others.data()), step);
    EXPECT_EQ(values, others);
  }
  const std::vector<float> zeros(20);
  std::vector<uint8_t> values(20);
  EXPECT_EQ(set().int8_quantize(Storage::kFloat, zeros.data(), 20, values.data()), 0);
  EXPECT_EQ(values, std::vector<uint8_t>(20, 128));
}

/// A product of EfficientNet-Lite2 in 8-bit integers at 320x320.
struct EncoderProduct {
  int64_t cells, I, O;  // of a picture
  int64_t times;
  Storage storage;
  int64_t rows() const { return std::clamp<int64_t>(cells, 800, 3200); }  // about what the encoder takes at a time
};

constexpr EncoderProduct kEncoderProducts[] = {
    {25600, 32, 32, 1, Storage::kByte},      {25600, 32, 16, 1, Storage::kBFloat16},
    {25600, 16, 96, 1, Storage::kByte},      {6400, 96, 24, 1, Storage::kBFloat16},
    {6400, 24, 144, 3, Storage::kByte},      {6400, 144, 24, 2, Storage::kBFloat16},
    {1600, 144, 48, 1, Storage::kBFloat16},  {1600, 48, 288, 3, Storage::kByte},
    {1600, 288, 48, 2, Storage::kBFloat16},  {400, 288, 88, 1, Storage::kBFloat16},
    {400, 88, 528, 4, Storage::kByte},       {400, 528, 88, 3, Storage::kBFloat16},
    {400, 528, 120, 1, Storage::kBFloat16},  {400, 120, 720, 4, Storage::kByte},
    {400, 720, 120, 3, Storage::kBFloat16},  {100, 720, 208, 1, Storage::kBFloat16},
    {100, 208, 1248, 5, Storage::kByte},     {100, 1248, 208, 4, Storage::kBFloat16},
    {100, 1248, 352, 1, Storage::kBFloat16}, {100, 352, 1280, 1, Storage::kFloat}};

/// Seconds that each of `sets` takes for it, the least of many in turns.
std::vector<double> seconds_of(const EncoderProduct& product, const std::vector<const Kernels*>& sets) {
  using Clock = std::chrono::steady_clock;
  const int64_t M = product.rows(), I = product.I, O = product.O;
  std::mt19937 random(1);
  const auto matrix = random_values<float>(static_cast<size_t>(O * I), random, 0.05f);
  const std::vector<float> bias(static_cast<size_t>(O)), steps(static_cast<size_t>(M), 0.03f);
  // Aligned, as tensors are.
  const Scratch rows_of_x(M * I), out(M * O * static_cast<int64_t>(sizeof(float)));
  auto* x = static_cast<uint8_t*>(rows_of_x.data());
  std::generate_n(x, M * I, [&] { return static_cast<uint8_t>(random()); });
  std::vector<double> seconds(sets.size(), 1e9);
  std::list<Scratch> packed;
  for (const auto* set : sets) {
    packed.emplace_back(set->int8_packed_bytes(I, O));
    set->int8_pack(matrix.data(), I, O, packed.back().data());
  }
  for (const auto end = Clock::now() + std::chrono::milliseconds(400); Clock::now() < end;) {
    auto weights = packed.begin();
    for (size_t i = 0; i < sets.size(); ++i, ++weights) {
      const bool relu6 = product.storage == Storage::kByte;
      const Int8Product work{M,
                             I,
                             O,
                             x,
                             relu6 ? steps.data() : nullptr,
                             weights->data(),
                             bias.data(),
                             relu6,
                             product.storage,
                             nullptr,
                             out.data()};
      const int64_t rows = sets[i]->int8_rows(work, 1);
      const Scratch scratch(sets[i]->int8_scratch_bytes(work, rows));
      const auto begin = Clock::now();
      for (int64_t row = 0; row < M; row += rows)
        sets[i]->int8_multiply(work, scratch.data(), row, std::min(row + rows, M));
      seconds[i] = std::min(seconds[i], std::chrono::duration<double>(Clock::now() - begin).count());
    }
  }
  return seconds;
}

TEST(TimingInt8Kernels, TilesMultiplyTheEncodersMatricesHalfAsFastAgain) {
  std::vector<const Kernels*> sets;
  for (const auto* set : runnable())
    if (set->multiplies_int8) sets.push_back(set);
  if (sets.empty()) GTEST_SKIP() << "this processor has no instructions for products of 8-bit integers";
  std::vector<double> seconds(sets.size());
  double operations = 0;
  for (const auto& product : kEncoderProducts) {
    const auto of_rows = seconds_of(product, sets);
    const double repeats = static_cast<double>(product.times * product.cells) / static_cast<double>(product.rows());
    std::printf("%5ld rows %4ld inputs %4ld outputs:", product.rows(), product.I, product.O);
    for (size_t i = 0; i < sets.size(); ++i) {
      seconds[i] += repeats * of_rows[i];
      std::printf(" %5.0f", 2e-9 * static_cast<double>(product.rows() * product.I * product.O) / of_rows[i]);
    }
    std::printf(" Gop/s\n");
    operations += 2.0 * static_cast<double>(product.times * product.cells * product.I * product.O);
  }
  for (size_t i = 0; i < sets.size(); ++i)
    std::printf("%-12s %5.2f ms a picture, %4.0f Gop/s\n", sets[i]->name, 1000 * seconds[i],
                operations / seconds[i] / 1e9);
  if (std::string(sets[0]->name) != "avx512_amx") GTEST_SKIP() << "this processor has no tiles";
  EXPECT_GT(seconds[1], 1.5 * seconds[0]);
}

}  // namespace
}  // namespace attend::kernels
