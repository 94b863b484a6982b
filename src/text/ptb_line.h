// A line as the tokenizer reads it: code points, character entities taken for one each.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "text/ptb_characters.h"

namespace attend::ptb {

/// A line as code points, each with the byte it begins at.
struct Line {
  explicit Line(std::string_view bytes) : source(bytes) {
    code.reserve(bytes.size());
    offset.reserve(bytes.size() + 1);
    for (size_t at = 0; at < bytes.size();) {
      offset.push_back(static_cast<uint32_t>(at));
      if (bytes[at] == '&' && entity(at)) continue;
      const char32_t c = next_code_point(bytes, at);
      code.push_back(c >= kEntityLess && c <= kEntityPunctuation ? 0xfffd : c);
    }
    offset.push_back(static_cast<uint32_t>(bytes.size()));
  }

  char32_t operator[](size_t i) const { return i < code.size() ? code[i] : kEnd; }
  size_t size() const { return code.size(); }

  std::string_view source;
  std::vector<char32_t> code;
  std::vector<uint32_t> offset;

 private:
  /// Takes the character entity at `at`, if one stands there.
  bool entity(size_t& at);
};

}  // namespace attend::ptb
