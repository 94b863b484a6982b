#include "text/near_duplicates.h"

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <unordered_set>
#include <utility>

namespace attend {
namespace {

using Sentence = std::vector<int32_t>;

/// Of a sentence whose word at `place` is left out, or, with `hole`, replaced by a mark that is no word. place: its size for the
/// whole sentence.
uint64_t hash_of(const Sentence& words, size_t place, bool hole = false) {
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
  explicit Sets(size_t count) : parent_(count) { std::iota(parent_.begin(), parent_.end(), size_t{0}); }
  size_t root(size_t i) {
    while (parent_[i] != i) i = parent_[i] = parent_[parent_[i]];
    return i;
  }
  void join(size_t a, size_t b) {
    a = root(a), b = root(b);
    parent_[std::max(a, b)] = std::min(a, b);
  }

 private:
  std::vector<size_t> parent_;
};

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

std::vector<AlikeSentences> find_alike(const std::vector<Sentence>& sentences, size_t least_words) {
  Sets sets(sentences.size());
  using Hashes =
      std::vector<std::pair<uint64_t, size_t>>;  // with the sentence; a table of them takes three times the memory
  const auto join_equal = [&](Hashes& hashes) {
    std::sort(hashes.begin(), hashes.end());
    for (size_t i = 1; i < hashes.size(); ++i)
      if (hashes[i].first == hashes[i - 1].first) sets.join(hashes[i].second, hashes[i - 1].second);
  };
  Hashes wholes;
  for (size_t i = 0; i < sentences.size(); ++i) wholes.emplace_back(hash_of(sentences[i], sentences[i].size()), i);
  join_equal(wholes);
  Hashes with_hole;
  for (size_t i = 0; i < sentences.size(); ++i) {
    const auto& words = sentences[i];
    if (words.size() < least_words) continue;
    for (size_t place = 0; place < words.size(); ++place) {
      with_hole.emplace_back(hash_of(words, place, true), i);  // another word there
      if (words.size() <= least_words) continue;
      const std::pair shorter(hash_of(words, place), size_t{0});
      const auto found = std::lower_bound(wholes.begin(), wholes.end(), shorter);
      if (found != wholes.end() && found->first == shorter.first) sets.join(i, found->second);
    }
  }
  join_equal(with_hole);
  std::vector<AlikeSentences> groups;
  std::unordered_map<size_t, size_t> group_of;  // root → index of groups
  for (size_t i = 0; i < sentences.size(); ++i) {
    const auto [found, is_new] = group_of.emplace(sets.root(i), groups.size());
    if (is_new) groups.push_back({{}, true});
    AlikeSentences& group = groups[found->second];
    group.equal = group.equal && (group.sentences.empty() || sentences[i] == sentences[group.sentences.front()]);
    group.sentences.push_back(i);
  }
  std::erase_if(groups, [](const AlikeSentences& group) { return group.sentences.size() < 2; });
  return groups;
}

std::vector<size_t> find_apart(const std::vector<Sentence>& sentences, std::span<const size_t> document,
                               std::span<const int32_t> family, size_t least_others) {
  std::vector<size_t> apart;
  const auto families_of = [&](const Sentence& sentence) {
    std::unordered_set<int32_t> families;
    for (const int32_t word : sentence)
      if (const int32_t one = family[static_cast<size_t>(word)]; one >= 0) families.insert(one);
    return families;
  };
  for (size_t first = 0, last = 0; first < sentences.size(); first = last) {
    std::unordered_map<int32_t, size_t> counts;  // family → sentences of the document
    while (last < sentences.size() && document[last] == document[first])
      for (const int32_t one : families_of(sentences[last++])) ++counts[one];
    if (last - first <= least_others) continue;
    for (size_t i = first; i < last; ++i) {
      const auto families = families_of(sentences[i]);
      if (std::none_of(families.begin(), families.end(), [&](int32_t one) { return counts[one] > 1; }))
        apart.push_back(i);
    }
  }
  return apart;
}

}  // namespace attend
