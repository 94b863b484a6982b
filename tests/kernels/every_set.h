// A test for each set of instructions that the processor has.
#pragma once

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <type_traits>
#include <vector>

#include "kernels/choose.h"
#include "kernels/scratch.h"

namespace attend::kernels {

class EverySet : public testing::TestWithParam<const Kernels*> {
 protected:
  const Kernels& set() const { return *GetParam(); }
  static const Kernels& plain() { return *runnable().back(); }
};

inline std::string name_of_set(const testing::TestParamInfo<const Kernels*>& info) { return info.param->name; }

#define ATTEND_FOR_EVERY_SET(Suite) INSTANTIATE_TEST_SUITE_P(Sets, Suite, testing::ValuesIn(runnable()), name_of_set)

inline float value_of(BFloat16 x) { return std::bit_cast<float>(static_cast<uint32_t>(x.bits) << 16); }
inline float value_of(float x) { return x; }
inline double value_of(double x) { return x; }
inline float value_of(uint8_t x) { return x; }

template <class T>
constexpr Storage storage_of() {
  if (std::is_same_v<T, BFloat16>) return Storage::kBFloat16;
  if (std::is_same_v<T, uint8_t>) return Storage::kByte;
  return std::is_same_v<T, double> ? Storage::kDouble : Storage::kFloat;
}

/// Values that T holds exactly.
template <class T>
std::vector<T> random_values(size_t count, std::mt19937& random, float scale = 1) {
  std::normal_distribution<float> normal(0, scale);
  std::vector<T> values(count);
  for (auto& value : values) {
    if constexpr (std::is_same_v<T, BFloat16>)
      value.bits = static_cast<uint16_t>(std::bit_cast<uint32_t>(normal(random)) >> 16);
    else if constexpr (std::is_same_v<T, uint8_t>)
      value = static_cast<uint8_t>(random());
    else
      value = normal(random);
  }
  return values;
}

}  // namespace attend::kernels
