// Words that say the same: forms of one word.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace attend {

/// For each word a number that it shares with its other forms ("dog", "dogs"; "ski", "skiing"): that of its English stem
/// (Porter's second stemmer, in libstemmer). -1 for what every sentence repeats: articles, prepositions, conjunctions, pronouns,
/// forms of "be", "have" and "do", numerals up to ten, and what has no letter in it.
std::vector<int32_t> word_families(const std::vector<std::string>& words);

/// For each word a number that it shares with its other forms, irregular ones too ("man", "men"; "ride", "rode", "riding"), for those
/// who ask for a word. What has no family in word_families() has a number of its own. A form that is a form of several words, such as
/// "left" or "saw", counts as what it is spelled like.
std::vector<int32_t> word_forms(const std::vector<std::string>& words);

}  // namespace attend
