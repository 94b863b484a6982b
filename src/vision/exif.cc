#include "vision/exif.h"

#include <algorithm>
#include <cstddef>

namespace attend {

std::optional<uint32_t> first_directory_tag(std::span<const unsigned char> tiff, uint16_t tag) {
  const bool big_endian = !tiff.empty() && tiff[0] == 'M';
  const auto number = [&](size_t at, size_t size) {  // 0 beyond the end
    uint32_t value = 0;
    for (size_t i = 0; i < size && at + size <= tiff.size(); ++i)
      value |= uint32_t{tiff[at + i]} << 8 * (big_endian ? size - 1 - i : i);
    return value;
  };
  // TIFF 6.0, section 2: the header's offset leads to a directory of 12-byte entries {tag, type, count, value}.
  const size_t directory = number(4, 4), first = directory + 2;
  const size_t room = tiff.size() > first ? (tiff.size() - first) / 12 : 0;
  const size_t entries = std::min<size_t>(number(directory, 2), room);
  for (size_t i = 0; i < entries; ++i) {
    const size_t entry = first + 12 * i;
    if (number(entry, 2) != tag) continue;
    constexpr size_t sizes[] = {0, 1, 1, 2, 4};  // of BYTE, ASCII, SHORT, LONG
    const size_t type = number(entry + 2, 2);
    return number(entry + 8, type < std::size(sizes) ? sizes[type] : 4);
  }
  return std::nullopt;
}

}  // namespace attend
