#include "vision/picture.h"

#include <algorithm>
#include <cstring>
#include <opencv2/imgproc.hpp>
#include <string>
#include <string_view>
#include <system_error>

#include "base/error.h"
#include "base/files.h"
#include "vision/codecs.h"

namespace attend {
namespace codecs {

void check_size(int64_t width, int64_t height, const ReadLimits& limits) {
  constexpr int64_t longest_side = 1'000'000;
  const std::string size = std::to_string(width) + "x" + std::to_string(height) + " pixels";
  if (width <= 0 || height <= 0) throw Undecodable("an empty picture (" + size + ")");
  if (width > longest_side || height > longest_side || width > limits.max_pixels / height)
    throw Undecodable("too large (" + size + "; at most " + std::to_string(limits.max_pixels) + " pixels and " +
                      std::to_string(longest_side) + " a side are read)");
}

int exif_orientation(Bytes exif) {
  constexpr std::string_view prefix("Exif\0\0", 6);
  if (exif.size() >= prefix.size() && std::memcmp(exif.data(), prefix.data(), prefix.size()) == 0)
    exif = exif.subspan(prefix.size());
  if (exif.size() < 8) return 1;
  const bool big_endian = exif[0] == 'M';
  const auto number = [&](size_t at, size_t size) {  // 0 beyond the end, which no reading below takes for a hit
    uint32_t value = 0;
    for (size_t i = 0; i < size && at + size <= exif.size(); ++i)
      value |= uint32_t{exif[at + i]} << 8 * (big_endian ? size - 1 - i : i);
    return value;
  };
  // TIFF 6.0, section 2: the header's offset leads to a directory of 12-byte entries {tag, type, count, value}.
  const size_t directory = number(4, 4);
  const size_t room = exif.size() > directory + 2 ? (exif.size() - directory - 2) / 12 : 0;
  const size_t entries = std::min<size_t>(number(directory, 2), room);
  for (size_t i = 0; i < entries; ++i) {
    const size_t entry = directory + 2 + 12 * i;
    if (number(entry, 2) != 0x0112) continue;
    const auto orientation = number(entry + 8, 2);
    return orientation >= 1 && orientation <= 8 ? static_cast<int>(orientation) : 1;
  }
  return 1;
}

}  // namespace codecs

namespace {

using codecs::Bytes;
using codecs::Stored;

Stored decode(Bytes file, int reduce_to, const ReadLimits& limits) {
  const auto starts_with = [&](std::string_view magic, size_t at = 0) {
    return file.size() >= at + magic.size() && std::memcmp(file.data() + at, magic.data(), magic.size()) == 0;
  };
  if (file.empty()) throw codecs::Undecodable("an empty file");
  if (starts_with("\xff\xd8\xff")) return codecs::read_jpeg(file, reduce_to, limits);
  if (starts_with("\x89PNG")) return codecs::read_png(file, limits);
  if (starts_with("GIF8")) return codecs::read_gif(file, limits);
  if (starts_with("RIFF") && starts_with("WEBP", 8)) return codecs::read_webp(file, limits);
  if (starts_with({"II*\0", 4}) || starts_with({"MM\0*", 4})) return codecs::read_tiff(file, limits);
  if (starts_with("BM")) return codecs::read_bmp(file, limits);
  throw codecs::Undecodable("not a picture (JPEG, PNG, GIF, WebP, TIFF and BMP are read)");
}

/// Undoes an EXIF orientation (EXIF 2.3, section 4.6.4, tag 274: which visual sides row 0 and column 0 lie on).
Picture upright(Stored stored) {
  Picture picture{stored.pixels, stored.full};
  const int orientation = stored.orientation;
  if (orientation >= 5) {  // row 0 is a vertical side
    cv::transpose(stored.pixels, picture.pixels);
    picture.full = {stored.full.height, stored.full.width};
  }
  const bool from_right = orientation == 2 || orientation == 3 || orientation == 6 || orientation == 7;
  const bool from_bottom = orientation == 3 || orientation == 4 || orientation == 7 || orientation == 8;
  if (from_right && from_bottom) {
    cv::flip(picture.pixels, picture.pixels, -1);
  } else if (from_right || from_bottom) {
    cv::flip(picture.pixels, picture.pixels, from_right ? 1 : 0);
  }
  return picture;
}

}  // namespace

Picture read_picture(const std::filesystem::path& path, int reduce_to, const ReadLimits& limits) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  // A pipe or a device would block or never end.
  if (!error && std::filesystem::exists(status) && !std::filesystem::is_regular_file(status) &&
      !std::filesystem::is_directory(status))
    throw InputError(path.string() + ": not a regular file");
  const MappedFile file(path);
  const Bytes bytes{reinterpret_cast<const unsigned char*>(file.bytes().data()), file.bytes().size()};
  try {
    return upright(decode(bytes, reduce_to, limits));
  } catch (const codecs::Undecodable& reason) {
    throw InputError(path.string() + ": " + reason.what());
  } catch (const cv::Exception&) {  // OpenCV's own word for an allocation that failed
    throw InputError(path.string() + ": not enough memory to decode it");
  } catch (const std::bad_alloc&) {
    throw InputError(path.string() + ": not enough memory to decode it");
  }
}

}  // namespace attend
