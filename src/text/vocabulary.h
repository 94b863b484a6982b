// The words a model can say, by number.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace attend {

/// Words numbered from 0; the first four are the special ones. A value: unchanging once made.
class Vocabulary {
 public:
  static constexpr int64_t kPad = 0, kStart = 1, kEnd = 2, kUnknown = 3;

  /// The words that stand at least `min_count` times in the captions (each a list of tokens), by falling count and then
  /// alphabetically, after the special words, with their counts. A caption's token that spells a special word is left out.
  static Vocabulary build(const std::vector<std::vector<std::string>>& captions, int min_count);

  /// The words as words() gave them, and their counts as counts() did. Throws InputError when the special words are not
  /// in place, when a word is empty or stands twice, or when counts are not one a word, none negative, and one at least
  /// of <end>.
  explicit Vocabulary(std::vector<std::string> words, std::vector<int64_t> counts = {});

  /// The same words with their counts in these captions.
  Vocabulary counted(const std::vector<std::vector<std::string>>& captions) const;
  /// The same words under their numbers, and after them those that build() would take from these captions and aren't here
  /// yet, in its order; all with their counts in these captions.
  Vocabulary grown(const std::vector<std::vector<std::string>>& captions, int min_count) const;

  /// The tokens of these captions that aren't here with how often they stand there, by falling count and then
  /// alphabetically.
  std::vector<std::pair<std::string, int64_t>> unknown(const std::vector<std::vector<std::string>>& captions) const;

  /// A word's number; kUnknown for one that isn't here.
  int64_t id(std::string_view word) const;
  /// The word of a number in [0, size()), else std::out_of_range.
  const std::string& word(int64_t id) const { return words_.at(static_cast<size_t>(id)); }
  int64_t size() const { return static_cast<int64_t>(words_.size()); }
  const std::vector<std::string>& words() const { return words_; }
  /// How often each word stands in the captions that were counted: <end> once a caption, <unk> for every other token;
  /// empty where none were.
  const std::vector<int64_t>& counts() const { return counts_; }

  /// The numbers of a caption's tokens, without start and end; a token that spells a special word is unknown.
  std::vector<int64_t> encode(const std::vector<std::string>& tokens) const;

 private:
  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  std::vector<std::string> words_;
  std::vector<int64_t> counts_;  // by word, or empty
  std::unordered_map<std::string, int64_t, Hash, std::equal_to<>> ids_;
};

}  // namespace attend
