#include "containers.h"

#include <array>
#include <cstdint>
#include <set>
#include <vector>

#include "base/error.h"

namespace attend {
namespace {

using namespace std::string_view_literals;

/// Bytes in a file; reading beyond their end is a fault of the file.
class Bytes {
 public:
  Bytes(std::string_view bytes, bool big_endian) : bytes_(bytes), big_endian_(big_endian) {}
  size_t size() const { return bytes_.size(); }
  std::string_view part(size_t at, size_t length) const {
    if (at > size() || length > size() - at) throw InputError("is damaged, or cut short; nothing was written to it");
    return bytes_.substr(at, length);
  }
  std::string_view from(size_t at) const { return part(at, at <= size() ? size() - at : 0); }
  uint32_t number(size_t at, int length) const {
    uint32_t value = 0;
    const auto digits = part(at, static_cast<size_t>(length));
    for (int i = 0; i < length; ++i)
      value |= uint32_t{static_cast<unsigned char>(digits[i])} << 8 * (big_endian_ ? length - 1 - i : i);
    return value;
  }

 private:
  std::string_view bytes_;
  bool big_endian_;
};

/// Joins parts so that no two lists of parts look alike.
void add(std::string& to, std::string_view part) { to.append(std::to_string(part.size())).append(":").append(part); }

/// Photoshop's resources but IPTC's, which is number 0x0404.
std::string resources_of(std::string_view block) {
  std::string kept;
  const Bytes bytes(block, true);
  size_t at = 0;
  while (at + 12 <= block.size() && bytes.part(at, 4) == "8BIM") {
    const size_t name = 1 + bytes.number(at + 6, 1), data = at + 6 + name + name % 2;
    const size_t size = bytes.number(data, 4), next = data + 4 + size + size % 2;
    if (bytes.number(at + 4, 2) != 0x0404) {
      add(kept, bytes.part(at + 4, 2));
      add(kept, bytes.part(data + 4, size));
    }
    at = next;
  }
  return kept + std::string(at < block.size() ? block.substr(at) : ""sv);
}

std::string jpeg_parts(std::string_view file) {
  const Bytes bytes(file, true);
  std::string kept, comments, photoshop;
  bool exif = false, xmp = false;  // the first of each is metadata
  for (size_t at = 2;;) {
    if (bytes.number(at, 1) != 0xff) throw InputError("is damaged; nothing was written to it");
    while (bytes.number(at + 1, 1) == 0xff) ++at;  // fill
    const uint32_t marker = bytes.number(at + 1, 1);
    if (marker == 0xda) {  // from here on it is the picture, and what stands behind it
      add(kept, bytes.from(at));
      break;
    }
    const size_t length = bytes.number(at + 2, 2);
    if (length < 2) throw InputError("is damaged; nothing was written to it");
    const auto payload = bytes.part(at + 4, length - 2);
    if (marker == 0xe1 && !exif && payload.starts_with("Exif\0"sv)) {
      exif = true;
    } else if (marker == 0xe1 && !xmp && payload.starts_with("http://ns.adobe.com/xap/1.0/\0"sv)) {
      xmp = true;
    } else if (marker == 0xed && payload.starts_with("Photoshop 3.0\0"sv)) {
      photoshop.append(payload.substr(14));
    } else if (marker == 0xfe) {
      add(comments, payload.substr(0, payload.find_last_not_of('\0') + 1));
    } else {
      add(kept, bytes.part(at + 1, 1));
      add(kept, payload);
      // It says where further pictures lie, counted from itself.
      if (marker == 0xe2 && payload.starts_with("MPF\0"sv)) add(kept, std::to_string(file.size() - at));
    }
    at += 2 + length;
  }
  add(kept, comments);
  add(kept, resources_of(photoshop));
  return kept;
}

/// Calls `take` with the type, the data and the whole of every chunk of a PNG; returns what stands behind the last.
template <class Take>
std::string_view png_chunks(std::string_view file, Take take) {
  const Bytes bytes(file, true);
  for (size_t at = 8; at < file.size();) {
    const size_t size = bytes.number(at, 4);
    const auto type = bytes.part(at + 4, 4);
    take(type, bytes.part(at + 8, size), bytes.part(at, size + 12));
    at += size + 12;
    if (type == "IEND") return bytes.from(at);
  }
  throw InputError("is cut short; nothing was written to it");
}

/// The keyword of a text chunk, or "".
std::string_view png_keyword(std::string_view type, std::string_view data) {
  return type == "tEXt" || type == "zTXt" || type == "iTXt" ? data.substr(0, data.find('\0')) : "";
}

std::string png_parts(std::string_view file) {
  static const std::set<std::string_view> keys{"XML:com.adobe.xmp",     "Raw profile type exif",
                                               "Raw profile type APP1", "Raw profile type iptc",
                                               "Raw profile type xmp",  "Description"};
  std::string kept;
  const auto behind = png_chunks(file, [&](std::string_view type, std::string_view data, std::string_view whole) {
    if (type != "eXIf" && type != "iCCP" && !keys.contains(png_keyword(type, data))) add(kept, whole);
  });
  add(kept, behind);
  add(kept, png_descriptions(file));
  return kept;
}

std::string webp_parts(std::string_view file) {
  const Bytes bytes(file, false);
  const size_t end = 8 + bytes.number(4, 4);
  bytes.part(0, end);
  std::string kept;
  for (size_t at = 12; at < end;) {
    const auto type = bytes.part(at, 4);
    const size_t size = bytes.number(at + 4, 4);
    const auto data = bytes.part(at + 8, size);
    if (type != "EXIF" && type != "XMP " && type != "VP8X") {
      add(kept, type);
      add(kept, data);
    }
    at += 8 + size + size % 2;
  }
  add(kept, bytes.from(end));
  return kept;
}

class Tiff {
 public:
  explicit Tiff(std::string_view file) : bytes_(file, file.starts_with("MM")) {}

  std::string parts() {
    for (size_t at = bytes_.number(4, 4); at != 0;) at = directory(at);
    return std::move(kept_);
  }

 private:
  struct Field {
    uint32_t tag = 0;
    std::string_view raw;
    std::vector<size_t> numbers;  // of whole numbers
  };

  Field field(size_t at) const {
    static constexpr std::array<size_t, 14> sizes{0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4};
    const uint32_t type = bytes_.number(at + 2, 2);
    const size_t count = bytes_.number(at + 4, 4), size = type < sizes.size() ? sizes[type] : 0;
    const size_t length = count * size, place = length <= 4 ? at + 8 : bytes_.number(at + 8, 4);
    Field read{bytes_.number(at, 2), bytes_.part(place, length), {}};
    if (type == 3 || type == 4 || type == 13)
      for (size_t i = 0; i < count; ++i)
        read.numbers.push_back(bytes_.number(place + i * size, static_cast<int>(size)));
    return read;
  }

  /// The stretches of a directory's picture: strips, tiles, or a JPEG of the old kind.
  void add_stretches(const std::vector<size_t>& places, const std::vector<size_t>& sizes) {
    if (places.size() != sizes.size()) throw InputError("has strips without sizes; nothing was written to it");
    for (size_t i = 0; i < places.size(); ++i) add(kept_, bytes_.part(places[i], sizes[i]));
  }

  /// Returns where the next one is; 0: there is none.
  size_t directory(size_t at) {
    if (!seen_.insert(at).second) throw InputError("its directories go in a circle; nothing was written to it");
    // Its description, XMP, IPTC, Photoshop's resources, EXIF, GPS: compared as metadata.
    static const std::set<uint32_t> metadata{270, 700, 33723, 34377, 34665, 34853};
    const size_t count = bytes_.number(at, 2);
    std::vector<size_t> strips, strip_sizes, tiles, tile_sizes, jpeg, jpeg_size, below;
    for (size_t i = 0; i < count; ++i) {
      Field read = field(at + 2 + 12 * i);
      switch (read.tag) {
        case 273:
          strips = read.numbers;
          continue;
        case 279:
          strip_sizes = read.numbers;
          continue;
        case 324:
          tiles = read.numbers;
          continue;
        case 325:
          tile_sizes = read.numbers;
          continue;
        case 330:
          below = read.numbers;
          continue;
        case 513:
          jpeg = read.numbers;
          continue;
        case 514:
          jpeg_size = read.numbers;
          continue;
        default:
          break;
      }
      if (metadata.contains(read.tag)) continue;
      add(kept_, std::to_string(read.tag));
      if (read.numbers.empty()) add(kept_, read.raw);
      for (const size_t number : read.numbers) add(kept_, std::to_string(number));
    }
    add_stretches(strips, strip_sizes);
    add_stretches(tiles, tile_sizes);
    add_stretches(jpeg, jpeg_size);
    for (const size_t place : below) directory(place);
    add(kept_, "end");
    return bytes_.number(at + 2 + 12 * count, 4);
  }

  const Bytes bytes_;
  std::string kept_;
  std::set<size_t> seen_;
};

}  // namespace

std::string png_descriptions(std::string_view file) {
  std::string chunks;
  png_chunks(file, [&](std::string_view type, std::string_view data, std::string_view whole) {
    if (png_keyword(type, data) == "Description") chunks.append(whole);
  });
  return chunks;
}

std::optional<std::string> beside_metadata(std::string_view file) {
  if (file.starts_with("\xff\xd8\xff")) return jpeg_parts(file);
  if (file.starts_with("\x89PNG\r\n\x1a\n")) return png_parts(file);
  if (file.starts_with("RIFF") && file.substr(0, 12).ends_with("WEBP")) return webp_parts(file);
  if (file.starts_with("II*\0"sv) || file.starts_with("MM\0*"sv)) return Tiff(file).parts();
  return std::nullopt;
}

}  // namespace attend
