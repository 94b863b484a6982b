// N words in all rows together
#include "train/batches.h"

#include <algorithm>
#include <random>

#include "base/lots.h"

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
  shuffle(examples, generator);
  const size_t stretch = size * 16;
  for (size_t at = 0; at < examples.size(); at += stretch)
    std::stable_sort(examples.begin() + at, examples.begin() + std::min(at + stretch, examples.size()),
                     [&](size_t a, size_t b) { return length(a) < length(b); });
  auto list = chunks(examples, size);
  shuffle(list, generator);
  return list;
}

torch::Tensor word_weights(const PackedCaptions& packed, const std::vector<float>& caption_weights) {
  std::vector<float> weights;
  for (const int64_t active : packed.rows_at)
    for (int64_t row = 0; row < active; ++row)
      weights.push_back(caption_weights[packed.captions[static_cast<size_t>(row)]]);
  return torch::tensor(weights);  // [N]
}

void exchange_words(std::vector<std::vector<int64_t>>& captions, const Vocabulary& vocabulary, const std::string& one,
                    const std::string& other) {
  const auto ids = vocabulary.encode({one, other});
  if (ids[0] == Vocabulary::kUnknown || ids[1] == Vocabulary::kUnknown) return;
  for (auto& caption : captions)
    for (auto& word : caption) word = word == ids[0] ? ids[1] : word == ids[1] ? ids[0] : word;
}

}  // namespace attend
