// Captions as somebody wants them worded in what is written.
#pragma once

#include <string>

#include "pipeline/seen_picture.h"

namespace attend {

struct Wording {
  std::string prefix, suffix;  // as they are, before and behind every caption
  bool sentence = false;  // a capital at the beginning of the whole, and a full stop at its end where no mark stands

  bool changes() const { return sentence || !prefix.empty() || !suffix.empty(); }
};

/// "a dog" → "A dog." The capital is that of the first letter, if the text begins with it, in scripts that have capitals.
std::string sentence_of(std::string text);

/// Words all captions of a picture so; their single words and maps stay.
void word_captions(SeenPicture& picture, const Wording& wording);

}  // namespace attend
