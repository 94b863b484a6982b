// What a file is, by its first bytes.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace attend {

/// A kind of file.
struct Kind {
  // Read by attend; a picture that it doesn't read; archives and videos, which may have pictures in them; something else.
  enum Use { kRead, kPicture, kArchive, kVideo, kOther };
  std::string_view name;  // "JPEG", "HEIC", …; empty for a kind that isn't known
  Use use = kOther;
};

/// As many first bytes as kind_of() looks at.
constexpr size_t kKindBytes = 4096;

/// The kind of a file that begins with `first`.
Kind kind_of(std::span<const unsigned char> first);

}  // namespace attend
