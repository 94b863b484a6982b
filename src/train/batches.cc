#include "train/batches.h"

#include <algorithm>
#include <random>

namespace attend {

uint64_t mix(uint64_t seed, uint64_t a, uint64_t b) {
  uint64_t x = seed * 0x9e3779b97f4a7c15ull + a * 0xbf58476d1ce4e5b9ull + b * 0x94d049bb133111ebull;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
  return x ^ (x >> 31);
}

std::vector<std::vector<size_t>> chunks(const std::vector<size_t>& all, size_t size) {
  std::vector<std::vector<size_t>> list;
  for (size_t at = 0; at < all.size(); at += size)
    list.emplace_back(all.begin() + at, all.begin() + std::min(at + size, all.size()));
  return list;
}

std::vector<std::vector<size_t>> shuffled_batches(std::vector<size_t> examples, size_t size, uint64_t seed,
                                                  const std::function<size_t(size_t)>& length) {
  std::mt19937_64 generator(seed);
  const auto shuffle = [&](auto& list) {
    for (size_t i = list.size(); i > 1; --i) std::swap(list[i - 1], list[generator() % i]);
  };
  shuffle(examples);
  const size_t stretch = size * 16;
  for (size_t at = 0; at < examples.size(); at += stretch)
    std::stable_sort(examples.begin() + at, examples.begin() + std::min(at + stretch, examples.size()),
                     [&](size_t a, size_t b) { return length(a) < length(b); });
  auto list = chunks(examples, size);
  shuffle(list);
  return list;
}

void exchange_words(std::vector<std::vector<int64_t>>& captions, const Vocabulary& vocabulary, const std::string& one,
                    const std::string& other) {
  const auto ids = vocabulary.encode({one, other});
  if (ids[0] == Vocabulary::kUnknown || ids[1] == Vocabulary::kUnknown) return;
  for (auto& caption : captions)
    for (auto& word : caption) word = word == ids[0] ? ids[1] : word == ids[1] ? ids[0] : word;
}

}  // namespace attend
