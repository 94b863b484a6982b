// METEOR's own words: what its option -norm makes of a caption before anything is matched.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace attend {

/// The words of a lower-cased text as METEOR 1.5 `-l en -norm` takes them: punctuation parted from words, hyphens
/// between letters or digits opened ("t-shirt" → t shirt), apostrophes parted (don't → don 't), the full stops of
/// acronyms dropped ("u.s." → us), typographic quotes and dashes made plain. Takes any bytes; what is not UTF-8 counts
/// as U+FFFD.
std::vector<std::string> meteor_words(std::string_view text);

}  // namespace attend
