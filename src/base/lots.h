// Lists in an order drawn by lot: the same for the same seed on every machine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <utility>
#include <vector>

namespace attend {

/// Shuffles the list: every order is as likely (Durstenfeld 1964).
template <class T>
void shuffle(std::vector<T>& list, std::mt19937_64& generator) {
  for (size_t i = list.size(); i > 1; --i) std::swap(list[i - 1], list[generator() % i]);
}

/// `count` of the numbers from 0 to total - 1, in an order that `seed` draws: all of them before any comes again.
std::vector<size_t> drawn(size_t count, size_t total, uint64_t seed);

}  // namespace attend
