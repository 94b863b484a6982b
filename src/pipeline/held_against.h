// What holding captions against other pictures shares, in an audit and in retrieval.
#pragma once

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace attend {

/// Log-probabilities, at least one → logarithm of their mean.
inline double log_mean(const std::vector<double>& logs) {
  const double most = *std::max_element(logs.begin(), logs.end());
  double sum = 0;
  for (const double log : logs) sum += std::exp(log - most);
  return most + std::log(sum / static_cast<double>(logs.size()));
}

/// A generator for one of many, whatever the others are.
inline std::mt19937_64 lot_of(int64_t seed, size_t number) {
  return std::mt19937_64(static_cast<uint64_t>(seed) * 0x9e3779b97f4a7c15ull + number);
}

/// `count` of these, or all where they are fewer, drawn by lot.
template <class Index>
std::vector<Index> draw(std::vector<Index> from, size_t count, std::mt19937_64& lot) {
  count = std::min(count, from.size());
  for (size_t i = 0; i < count; ++i) std::swap(from[i], from[i + lot() % (from.size() - i)]);
  from.resize(count);
  return from;
}

}  // namespace attend
