#include "decode/constraints.h"

#include <algorithm>
#include <sstream>
#include <unordered_map>

#include "base/error.h"
#include "base/nearest.h"
#include "base/printable.h"
#include "text/ptb_tokenizer.h"
#include "text/word_families.h"

namespace attend {
namespace {

bool contains(const std::vector<int64_t>& words, int64_t word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

/// Whether said[begin…] begins with the first `count` words of the phrase.
bool stands_at(const Phrase& phrase, size_t count, const std::vector<int64_t>& said, size_t begin) {
  for (size_t i = 0; i < count; ++i)
    if (!contains(phrase[i], said[begin + i])) return false;
  return true;
}

/// How many of the phrase's words are covered, as Constraints::covered() counts them.
size_t covered_of(const Phrase& phrase, const std::vector<int64_t>& said) {
  const size_t length = phrase.size();
  for (size_t begin = 0; begin + length <= said.size(); ++begin)
    if (stands_at(phrase, length, said, begin)) return length;
  for (size_t count = std::min(length - 1, said.size()); count > 0; --count)
    if (stands_at(phrase, count, said, said.size() - count)) return count;
  return 0;
}

/// Whether whoever says `phrase` says `part`, whichever of their forms they choose.
bool implies(const Phrase& phrase, const Phrase& part) {
  const auto within = [&](size_t begin) {
    for (size_t i = 0; i < part.size(); ++i)
      for (const int64_t word : phrase[begin + i])
        if (!contains(part[i], word)) return false;
    return true;
  };
  for (size_t begin = 0; begin + part.size() <= phrase.size(); ++begin)
    if (within(begin)) return true;
  return false;
}

/// A phrase as its user wrote it.
struct Written {
  struct Word {
    std::string token;
    bool exact;
  };
  std::string text;
  std::vector<Word> words;

  /// key: whose phrase it is, for errors.
  Written(std::string phrase, const std::string& key) : text(std::move(phrase)) {
    std::istringstream parts(text);
    for (std::string part; parts >> part;) {
      const bool exact = part.starts_with("=");
      const auto tokens = caption_tokens(exact ? part.substr(1) : part);
      if (exact && tokens.empty()) throw UsageError(key + ": " + quote(text) + " has no word right behind its =");
      for (const auto& token : tokens) words.push_back({token, exact});
    }
    if (words.empty()) throw UsageError(key + ": " + quote(text) + " has no word in it");
  }
};

std::vector<Written> read(const std::vector<std::string>& texts, const std::string& key) {
  std::vector<Written> phrases;
  for (const auto& text : texts) phrases.emplace_back(text, key);
  return phrases;
}

/// The words of a vocabulary that can stand for others.
class Forms {
 public:
  Forms(const Vocabulary& vocabulary, std::vector<const std::vector<Written>*> lists) : vocabulary_(vocabulary) {
    std::vector<std::string> words = vocabulary.words();
    for (const auto* list : lists)
      for (const auto& phrase : *list)
        for (const auto& word : phrase.words) words.push_back(word.token);
    if (static_cast<int64_t>(words.size()) == vocabulary.size()) return;
    const auto forms = word_forms(words);
    for (size_t i = 0; i < words.size(); ++i) form_of_[words[i]] = forms[i];
    for (int64_t word = Vocabulary::kUnknown + 1; word < vocabulary.size(); ++word)
      words_of_[forms[static_cast<size_t>(word)]].push_back(word);
  }

  /// Words that the vocabulary has in no form are appended to `unknown`, and have no numbers.
  Phrase phrase(const Written& written, std::vector<std::string>& unknown) const {
    Phrase phrase;
    for (const auto& [token, exact] : written.words) {
      auto& place = phrase.emplace_back();
      if (const int64_t word = vocabulary_.encode({token}).front(); exact && word != Vocabulary::kUnknown)
        place.push_back(word);
      const auto same = words_of_.find(form_of_.at(token));
      if (!exact && same != words_of_.end()) place = same->second;
      if (place.empty()) unknown.push_back(token);
    }
    return phrase;
  }

 private:
  const Vocabulary& vocabulary_;
  std::unordered_map<std::string, int32_t> form_of_;
  std::unordered_map<int32_t, std::vector<int64_t>> words_of_;
};

[[noreturn]] void refuse_unknown(const std::string& word, const Vocabulary& vocabulary, const std::string& source) {
  std::string near;
  const auto& words = vocabulary.words();
  for (const auto& one : nearest(word, {words.begin() + Vocabulary::kUnknown + 1, words.end()}, 3))
    near += (near.empty() ? "; the nearest: " : ", ") + quote(one);
  throw UsageError("decode.must: " + quote(word) + " is no word that " + source + " can say" + near);
}

}  // namespace

Constraints::Constraints(const std::vector<std::string>& must, const std::vector<std::string>& must_not, int max_length,
                         const Vocabulary& vocabulary, const std::string& source) {
  const auto wanted = read(must, "decode.must"), unwanted = read(must_not, "decode.must_not");
  const Forms forms(vocabulary, {&wanted, &unwanted});
  for (const auto& written : unwanted) {
    const size_t unknown = unsayable_.size();
    Phrase phrase = forms.phrase(written, unsayable_);
    if (unsayable_.size() == unknown) must_not_.push_back(std::move(phrase));
  }
  const auto forbidden = [&](int64_t word) {  // wherever it stands
    return std::any_of(must_not_.begin(), must_not_.end(),
                       [&](const Phrase& phrase) { return phrase.size() == 1 && contains(phrase[0], word); });
  };
  for (const auto& written : wanted) {
    std::vector<std::string> unknown;
    Phrase phrase = forms.phrase(written, unknown);
    if (!unknown.empty()) refuse_unknown(unknown.front(), vocabulary, source);
    for (auto& place : phrase) std::erase_if(place, forbidden);
    if (std::any_of(phrase.begin(), phrase.end(), [](const auto& place) { return place.empty(); }) ||
        std::any_of(must_not_.begin(), must_not_.end(), [&](const Phrase& part) { return implies(phrase, part); }))
      throw UsageError("decode.must: " + quote(written.text) + " can't be said without what decode.must_not forbids");
    // What a longer phrase says anyway needs no place of its own.
    if (std::any_of(must_.begin(), must_.end(), [&](const Phrase& other) { return implies(other, phrase); })) continue;
    std::erase_if(must_, [&](const Phrase& other) { return implies(phrase, other); });
    must_.push_back(std::move(phrase));
  }
  for (const auto& phrase : must_) words_ += static_cast<int>(phrase.size());
  if (words_ > max_length)
    throw UsageError("decode.must: " + std::to_string(words_) + " words must be said, above decode.max_length " +
                     std::to_string(max_length));
}

int Constraints::covered(const std::vector<int64_t>& said) const {
  size_t covered = 0;
  for (const auto& phrase : must_) covered += covered_of(phrase, said);
  return static_cast<int>(covered);
}

std::vector<int64_t> Constraints::wanted(const std::vector<int64_t>& said) const {
  std::vector<int64_t> words;
  for (const auto& phrase : must_) {
    if (covered_of(phrase, said) == phrase.size()) continue;
    for (const auto& place : phrase)
      for (const int64_t word : place)
        if (!contains(words, word)) words.push_back(word);
  }
  return words;
}

void Constraints::add_banned(const std::vector<int64_t>& said, std::vector<int64_t>& banned) const {
  for (const auto& phrase : must_not_) {
    const size_t before = phrase.size() - 1;
    if (before <= said.size() && stands_at(phrase, before, said, said.size() - before))
      banned.insert(banned.end(), phrase.back().begin(), phrase.back().end());
  }
}

}  // namespace attend
