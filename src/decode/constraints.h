// What captions must say and mustn't say.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "text/vocabulary.h"

namespace attend {

/// Words in a row: at each place the numbers of those that may stand there, which are the forms of one word.
using Phrase = std::vector<std::vector<int64_t>>;

/// Phrases that a caption must hold (lexical constraints: Hokamp and Liu, "Lexically Constrained Decoding for Sequence Generation
/// Using Grid Beam Search", ACL 2017) and phrases that it mustn't. What is met is told by the caption's words alone, whatever way
/// the search came by: phrases may overlap.
class Constraints {
 public:
  Constraints() = default;
  /// must, must_not: phrases as users write them. A word stands for all its forms that the vocabulary has (word_forms()), "=word" for
  /// nothing but itself. Throws UsageError for a phrase without words, a must-word that the vocabulary has in no form (it names the
  /// nearest ones and `source`, whose vocabulary it is), more must-words than max_length, and a must-phrase that can't be said
  /// without a must-not-phrase.
  Constraints(const std::vector<std::string>& must, const std::vector<std::string>& must_not, int max_length,
              const Vocabulary& vocabulary, const std::string& source);

  /// Words of all must-phrases together.
  int words() const { return words_; }

  /// Whether there are must-not-phrases.
  bool forbids() const { return !must_not_.empty(); }

  /// How many of the must-words a caption that begins with `said` has covered: all of a phrase's once the phrase has stood there, till then as
  /// many of its first words as `said` ends with. words() when the caption holds every must-phrase.
  int covered(const std::vector<int64_t>& said) const;

  /// The words of the must-phrases that `said` doesn't hold. Any other word that follows leads to the same covered().
  std::vector<int64_t> wanted(const std::vector<int64_t>& said) const;

  /// Appends the words that would end a must-not-phrase behind `said`.
  void add_banned(const std::vector<int64_t>& said, std::vector<int64_t>& banned) const;

  /// Words of must-not-phrases that the vocabulary has in no form, as they were written: their phrases are never said anyway.
  const std::vector<std::string>& unsayable() const { return unsayable_; }

 private:
  std::vector<Phrase> must_, must_not_;
  int words_ = 0;
  std::vector<std::string> unsayable_;
};

}  // namespace attend
