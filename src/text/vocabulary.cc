#include "text/vocabulary.h"

#include <algorithm>
#include <array>
#include <map>

#include "base/error.h"

namespace attend {
namespace {

constexpr std::array<std::string_view, 4> kSpecial = {"<pad>", "<start>", "<end>", "<unk>"};

/// Tokens with their counts, by falling count and then alphabetically.
std::vector<std::pair<std::string, int64_t>> ranked(const std::vector<std::vector<std::string>>& captions) {
  std::map<std::string, int64_t> counts;
  for (const auto& caption : captions) {
    for (const auto& token : caption) ++counts[token];
  }
  std::vector<std::pair<std::string, int64_t>> list(counts.begin(), counts.end());
  // Stable, so that words of one count stay in the map's alphabetical order.
  std::stable_sort(list.begin(), list.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  return list;
}

}  // namespace

Vocabulary Vocabulary::build(const std::vector<std::vector<std::string>>& captions, int min_count) {
  const std::vector<std::string> special(kSpecial.begin(), kSpecial.end());
  return Vocabulary(special).grown(captions, min_count);
}

Vocabulary Vocabulary::grown(const std::vector<std::vector<std::string>>& captions, int min_count) const {
  std::vector<std::string> words = words_;
  for (auto& [word, count] : ranked(captions)) {
    if (count >= min_count && !word.empty() && !ids_.contains(word)) words.push_back(std::move(word));
  }
  return Vocabulary(std::move(words)).counted(captions);
}

std::vector<std::pair<std::string, int64_t>> Vocabulary::unknown(
    const std::vector<std::vector<std::string>>& captions) const {
  auto list = ranked(captions);
  std::erase_if(list, [&](const auto& entry) { return encode({entry.first}).front() != kUnknown; });
  return list;
}

Vocabulary::Vocabulary(std::vector<std::string> words, std::vector<int64_t> counts)
    : words_(std::move(words)), counts_(std::move(counts)) {
  for (size_t i = 0; i < kSpecial.size(); ++i) {
    if (i >= words_.size() || words_[i] != kSpecial[i]) {
      throw InputError("vocabulary: word " + std::to_string(i) + " must be " + std::string(kSpecial[i]));
    }
  }
  ids_.reserve(words_.size());
  for (size_t i = 0; i < words_.size(); ++i) {
    if (words_[i].empty()) throw InputError("vocabulary: word " + std::to_string(i) + " is empty");
    if (!ids_.emplace(words_[i], static_cast<int64_t>(i)).second) {
      throw InputError("vocabulary: word " + std::to_string(i) + ", \"" + words_[i] + "\", stands there twice");
    }
  }
  if (counts_.empty()) return;
  if (counts_.size() != words_.size() || counts_[kEnd] < 1 ||
      std::any_of(counts_.begin(), counts_.end(), [](int64_t count) { return count < 0; })) {
    throw InputError("vocabulary: its counts are not a number for each of its " + std::to_string(words_.size()) +
                     " words, none negative, with captions counted");
  }
}

Vocabulary Vocabulary::counted(const std::vector<std::vector<std::string>>& captions) const {
  Vocabulary counted = *this;
  counted.counts_.assign(words_.size(), 0);
  for (const auto& caption : captions) {
    for (const int64_t word : encode(caption)) ++counted.counts_[word];
    ++counted.counts_[kEnd];
  }
  if (captions.empty()) counted.counts_.clear();
  return counted;
}

int64_t Vocabulary::id(std::string_view word) const {
  const auto found = ids_.find(word);
  return found == ids_.end() ? kUnknown : found->second;
}

std::vector<int64_t> Vocabulary::encode(const std::vector<std::string>& tokens) const {
  std::vector<int64_t> ids;
  ids.reserve(tokens.size());
  for (const auto& token : tokens) {
    const int64_t number = id(token);
    ids.push_back(number < static_cast<int64_t>(kSpecial.size()) ? kUnknown : number);
  }
  return ids;
}

}  // namespace attend
