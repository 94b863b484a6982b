// The words a model can say, by number.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace attend {

/// Words numbered from 0; the first four are the special ones. A value: unchanging once made.
class Vocabulary {
 public:
  static constexpr int64_t kPad = 0, kStart = 1, kEnd = 2, kUnknown = 3;

  /// The words that stand at least `min_count` times in the captions (each a list of tokens), by falling count and then
  /// alphabetically, after the special words. A caption's token that spells a special word is left out.
  static Vocabulary build(const std::vector<std::vector<std::string>>& captions, int min_count);

  /// The words as words() gave them. Throws InputError when the special words are not in place, or when a word is empty
  /// or stands twice.
  explicit Vocabulary(std::vector<std::string> words);

  /// A word's number; kUnknown for one that isn't here.
  int64_t id(std::string_view word) const;
  /// The word of a number in [0, size()), else std::out_of_range.
  const std::string& word(int64_t id) const { return words_.at(static_cast<size_t>(id)); }
  int64_t size() const { return static_cast<int64_t>(words_.size()); }
  const std::vector<std::string>& words() const { return words_; }

  /// The numbers of a caption's tokens, without start and end.
  std::vector<int64_t> encode(const std::vector<std::string>& tokens) const;

 private:
  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  std::vector<std::string> words_;
  std::unordered_map<std::string, int64_t, Hash, std::equal_to<>> ids_;
};

}  // namespace attend
