// Tags of a TIFF directory: what EXIF is written as, in a TIFF file or within another format.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace attend {

/// The value of a tag in the first directory of TIFF bytes (a header, then a directory; the rest needn't be there), as
/// the number it begins with; nothing where the directory hasn't got it or lies outside.
std::optional<uint32_t> first_directory_tag(std::span<const unsigned char> tiff, uint16_t tag);

}  // namespace attend
