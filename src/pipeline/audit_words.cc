#include "pipeline/audit_words.h"

#include <algorithm>
#include <array>

#include "base/spool.h"
#include "text/ptb_tokenizer.h"
#include "text/word_families.h"

namespace attend {
namespace {

/// Captions of fewer words are alike by chance.
constexpr size_t kLeastWordsToCompare = 5;
/// Captions of a picture that others are looked for among, at least: one alone may be the one that is right.
constexpr size_t kLeastOthers = 2;

}  // namespace

std::pair<size_t, size_t> FoundByWords::place_of(size_t caption) const {
  const auto picture = static_cast<size_t>(std::upper_bound(first.begin(), first.end(), caption) - first.begin()) - 1;
  return {picture, caption - first[picture]};
}

FoundByWords find_by_words(const ListView<std::vector<std::string>>& captions) {
  FoundByWords found;
  WordNumbers numbers;
  Spool sentences;
  uint32_t count = 0;
  for (size_t i = 0; i < captions.size(); ++i) {
    found.first.push_back(count);
    for (const auto& caption : captions[i]) {
      const auto words = numbers.of(caption_tokens(caption));
      const std::array<uint32_t, 2> head{static_cast<uint32_t>(i), static_cast<uint32_t>(words.size())};
      sentences.add({reinterpret_cast<const char*>(head.data()), sizeof head});
      sentences.add({reinterpret_cast<const char*>(words.data()), words.size() * sizeof words[0]});
      ++count;
    }
  }
  const SentenceWalk walk = [&](const auto& take) {
    SpoolReader reader(sentences);
    std::vector<int32_t> words;
    while (!reader.ended()) {
      std::array<uint32_t, 2> head;
      reader.read(head.data(), sizeof head);
      words.resize(head[1]);
      reader.read(words.data(), words.size() * sizeof words[0]);
      take(head[0], words);
    }
  };
  found.alike = find_alike(walk, kLeastWordsToCompare);
  std::stable_sort(found.alike.begin(), found.alike.end(), [](const AlikeSentences& a, const AlikeSentences& b) {
    return a.sentences.size() > b.sentences.size();
  });
  auto family = word_forms(numbers.words());
  const auto content = word_families(numbers.words());
  for (size_t word = 0; word < family.size(); ++word)
    if (content[word] < 0) family[word] = -1;
  found.apart = find_apart(walk, family, kLeastOthers);
  return found;
}

}  // namespace attend
