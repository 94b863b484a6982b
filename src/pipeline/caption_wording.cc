#include "pipeline/caption_wording.h"

#include <string_view>

#include "text/unicode.h"

namespace attend {
namespace {

/// The capital of a letter: what to_lower() makes the letter of, looked for where alphabets have theirs.
char32_t to_upper(char32_t c) {
  // Latin, Greek, Cyrillic and Armenian have a letter's capital 32, 80, 48 or 1 before it; ÿ's is apart.
  if (c == 0xff) return 0x178;
  for (const char32_t distance : {32u, 1u, 80u, 48u})
    if (c > distance && to_lower(c - distance) == c) return c - distance;
  return c;
}

}  // namespace

std::string sentence_of(std::string text) {
  if (text.empty()) return text;
  size_t behind = 0;
  const char32_t first = next_code_point(text, behind);
  std::string made;
  append_utf8(made, to_upper(first));
  if (to_upper(first) != first) text.replace(0, behind, made);
  for (const std::string_view mark : {".", "!", "?", "…", "。", "！", "？"})
    if (text.ends_with(mark)) return text;
  return text + ".";
}

void word_captions(SeenPicture& picture, const Wording& wording) {
  for (auto& caption : picture.captions) {
    caption.text = wording.prefix + caption.text + wording.suffix;
    if (wording.sentence) caption.text = sentence_of(std::move(caption.text));
  }
}

}  // namespace attend
