#include "text/near_duplicates.h"

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <unordered_set>
#include <utility>

namespace attend {
namespace {

using Sentence = std::span<const int32_t>;

/// Of a sentence whose word at `place` is left out, or, with `hole`, replaced by a mark that is no word. place: its size for the
/// whole sentence.
uint64_t hash_of(Sentence words, size_t place, bool hole = false) {
  uint64_t hash = 0x9e3779b97f4a7c15ull;
  const auto add = [&](uint64_t word) {
    hash = (hash ^ word) * 0xff51afd7ed558ccdull;
    hash ^= hash >> 32;
  };
  for (size_t i = 0; i < words.size(); ++i) {
    if (i != place) add(static_cast<uint64_t>(words[i]) + 2);
    if (i == place && hole) add(1);
  }
  return hash;
}

/// Sets that are joined one by one.
class Sets {
 public:
  explicit Sets(size_t count) : parent_(count) { std::iota(parent_.begin(), parent_.end(), uint32_t{0}); }
  uint32_t root(uint32_t i) {
    while (parent_[i] != i) i = parent_[i] = parent_[parent_[i]];
    return i;
  }
  void join(uint32_t a, uint32_t b) {
    a = root(a), b = root(b);
    parent_[std::max(a, b)] = std::min(a, b);
  }

 private:
  std::vector<uint32_t> parent_;
};

/// Hashes with the sentences they are of; a table of them takes three times the memory.
using Hashes = std::vector<std::pair<uint64_t, uint32_t>>;

void join_equal(Hashes& hashes, Sets& sets) {
  std::sort(hashes.begin(), hashes.end());
  for (size_t i = 1; i < hashes.size(); ++i)
    if (hashes[i].first == hashes[i - 1].first) sets.join(hashes[i].second, hashes[i - 1].second);
}

/// Joins sentences by those of their hashes that are in part `part` of `parts`.
void join_part(const SentenceWalk& walk, size_t least_words, uint64_t part, uint64_t parts, Sets& sets) {
  Hashes wholes, with_hole, shorter;
  uint32_t i = 0;
  const auto add = [&](Hashes& to, uint64_t hash) {
    if ((hash >> 32) * parts >> 32 == part) to.emplace_back(hash, i);
  };
  walk([&](size_t, Sentence words) {
    add(wholes, hash_of(words, words.size()));
    for (size_t place = 0; place < words.size() && words.size() >= least_words; ++place) {
      add(with_hole, hash_of(words, place, true));  // another word there
      if (words.size() > least_words) add(shorter, hash_of(words, place));
    }
    ++i;
  });
  join_equal(wholes, sets);
  join_equal(with_hole, sets);
  for (const auto& [hash, sentence] : shorter) {
    const auto found = std::lower_bound(wholes.begin(), wholes.end(), std::pair(hash, uint32_t{0}));
    if (found != wholes.end() && found->first == hash) sets.join(sentence, found->second);
  }
}

}  // namespace

std::vector<int32_t> WordNumbers::of(const std::vector<std::string>& words) {
  std::vector<int32_t> numbers;
  numbers.reserve(words.size());
  for (const auto& word : words) {
    const auto [found, is_new] = numbers_.emplace(word, static_cast<int32_t>(words_.size()));
    if (is_new) words_.push_back(word);
    numbers.push_back(found->second);
  }
  return numbers;
}

std::vector<AlikeSentences> find_alike(const SentenceWalk& walk, size_t least_words) {
  constexpr size_t kMostHashes = size_t{1} << 18;  // in memory at once
  size_t count = 0, hashes = 0;
  walk([&](size_t, Sentence words) {
    ++count;
    hashes += 1 + (words.size() >= least_words ? 2 * words.size() : 0);
  });
  Sets sets(count);
  const uint64_t parts = hashes / kMostHashes + 1;
  for (uint64_t part = 0; part < parts; ++part) join_part(walk, least_words, part, parts, sets);
  std::vector<uint32_t> size(count);  // of the set of each root
  for (uint32_t i = 0; i < count; ++i) ++size[sets.root(i)];
  std::vector<AlikeSentences> groups;
  std::vector<uint64_t> first;                    // hash of each group's first
  std::unordered_map<uint32_t, size_t> group_of;  // root → index of groups
  uint32_t i = 0;
  walk([&](size_t, Sentence words) {
    const uint32_t sentence = i++, root = sets.root(sentence);
    if (size[root] < 2) return;
    const uint64_t hash = hash_of(words, words.size());
    const auto [found, is_new] = group_of.emplace(root, groups.size());
    if (is_new) groups.push_back({{}, true}), first.push_back(hash);
    AlikeSentences& group = groups[found->second];
    group.equal = group.equal && hash == first[found->second];
    group.sentences.push_back(sentence);
  });
  return groups;
}

std::vector<size_t> find_apart(const SentenceWalk& walk, std::span<const int32_t> family, size_t least_others) {
  std::vector<size_t> apart;
  std::vector<std::unordered_set<int32_t>> document;  // families of each of its sentences
  size_t number = 0, behind = 0;                      // of the document; the last of its sentences
  const auto look = [&] {
    std::unordered_map<int32_t, size_t> counts;  // family → sentences of the document
    for (const auto& families : document)
      for (const int32_t one : families) ++counts[one];
    for (size_t i = 0; i < document.size() && document.size() > least_others; ++i)
      if (std::none_of(document[i].begin(), document[i].end(), [&](int32_t one) { return counts[one] > 1; }))
        apart.push_back(behind - document.size() + i);
    document.clear();
  };
  walk([&](size_t of, Sentence words) {
    if (of != number) look();
    number = of;
    auto& families = document.emplace_back();
    for (const int32_t word : words)
      if (const int32_t one = family[static_cast<size_t>(word)]; one >= 0) families.insert(one);
    ++behind;
  });
  look();
  return apart;
}

}  // namespace attend
