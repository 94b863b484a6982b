#include "text/near_duplicates.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <numeric>
#include <unordered_map>

namespace attend {
namespace {

using Sentence = std::vector<std::string>;

/// Of a sentence whose word at `place` is left out, or, with `hole`, replaced by a mark that is no word. place: its size for the
/// whole sentence.
uint64_t hash_of(const std::vector<uint64_t>& words, size_t place, bool hole = false) {
  uint64_t hash = 0x9e3779b97f4a7c15ull;
  const auto add = [&](uint64_t word) {
    hash = (hash ^ word) * 0xff51afd7ed558ccdull;
    hash ^= hash >> 32;
  };
  for (size_t i = 0; i < words.size(); ++i) {
    if (i != place) add(words[i]);
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

std::vector<AlikeSentences> find_alike(const std::vector<Sentence>& sentences, size_t least_words) {
  Sets sets(sentences.size());
  std::unordered_map<uint64_t, size_t> wholes, with_hole;  // → the first sentence
  std::vector<std::vector<uint64_t>> hashes;               // of the sentences' words
  for (size_t i = 0; i < sentences.size(); ++i) {
    auto& words = hashes.emplace_back();
    for (const auto& word : sentences[i]) words.push_back(std::hash<std::string>()(word));
    sets.join(i, wholes.emplace(hash_of(words, words.size()), i).first->second);
  }
  for (size_t i = 0; i < sentences.size(); ++i) {
    const auto& words = hashes[i];
    if (words.size() < least_words) continue;
    for (size_t place = 0; place < words.size(); ++place) {
      sets.join(i, with_hole.emplace(hash_of(words, place, true), i).first->second);  // another word there
      const auto shorter = wholes.find(hash_of(words, place));
      if (shorter != wholes.end() && words.size() > least_words) sets.join(i, shorter->second);
    }
  }
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

}  // namespace attend
