// From Penn Treebank tokens back to a line a person would write.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace attend {

/// The tokens as readable text with single blanks: "is n't" → "isn't", "dog 's" → "dog's", "-lrb-" → "(", punctuation
/// close to its word, `` and '' as straight quotes. Words keep their case.
std::string detokenize(const std::vector<std::string>& words);

}  // namespace attend
