#include "text/nearest_words.h"

#include <algorithm>
#include <string_view>
#include <unordered_set>

#include "text/word_families.h"

namespace attend {
namespace {

/// Whether b is made of a by changing a letter, by putting one in, by leaving one out, or by exchanging two neighbours.
bool is_a_letter_away(std::string_view a, std::string_view b) {
  const size_t shorter = std::min(a.size(), b.size()), longer = std::max(a.size(), b.size());
  if (longer - shorter > 1) return false;
  const auto differ = std::mismatch(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(shorter), b.begin());
  const auto begin = static_cast<size_t>(differ.first - a.begin());
  a.remove_prefix(begin), b.remove_prefix(begin);
  if (a.size() > b.size()) return a.substr(1) == b;
  if (a.size() < b.size()) return a == b.substr(1);
  if (a.empty() || a.substr(1) == b.substr(1)) return true;
  return a.size() > 1 && a[0] == b[1] && a[1] == b[0] && a.substr(2) == b.substr(2);
}

}  // namespace

NearestWords nearest_words(const std::vector<std::string>& words, const Vocabulary& vocabulary) {
  constexpr size_t kLeastBytes = 5;
  std::unordered_set<std::string> asked;
  auto all = vocabulary.words();
  const size_t known = all.size();
  for (const auto& word : words)
    if (vocabulary.id(word) == Vocabulary::kUnknown && asked.insert(word).second) all.push_back(word);
  const auto forms = word_forms(all);
  std::unordered_map<int32_t, size_t> of_form;  // → its first word
  const size_t first = Vocabulary::kUnknown + 1;
  for (size_t i = first; i < known; ++i) of_form.emplace(forms[i], i);
  NearestWords nearest;
  for (size_t i = known; i < all.size(); ++i) {
    if (const auto form = of_form.find(forms[i]); form != of_form.end()) {
      nearest.emplace(all[i], all[form->second]);
      continue;
    }
    if (all[i].size() < kLeastBytes) continue;
    for (size_t other = first; other < known; ++other)
      if (is_a_letter_away(all[i], all[other])) {
        nearest.emplace(all[i], all[other]);
        break;
      }
  }
  return nearest;
}

}  // namespace attend
