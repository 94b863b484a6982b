#include "vision/picture.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <opencv2/imgproc.hpp>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/files.h"
#include "vision/codecs.h"
#include "vision/exif.h"
#include "vision/kind.h"

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

bool ends_unwritten(Bytes coded) {
  constexpr size_t kLeast = 128;
  return coded.size() >= kLeast &&
         std::all_of(coded.end() - kLeast, coded.end(), [](unsigned char byte) { return byte == 0; });
}

int exif_orientation(Bytes exif) {
  constexpr uint16_t kOrientation = 274;
  constexpr std::string_view prefix("Exif\0\0", 6);
  if (exif.size() >= prefix.size() && std::memcmp(exif.data(), prefix.data(), prefix.size()) == 0)
    exif = exif.subspan(prefix.size());
  const auto orientation = first_directory_tag(exif, kOrientation).value_or(1);
  return orientation >= 1 && orientation <= 8 ? static_cast<int>(orientation) : 1;
}

void lay_over_white(const cv::Mat& bgra, cv::Mat& bgr) {
  bgr.create(bgra.size(), CV_8UC3);
  for (int y = 0; y < bgra.rows; ++y) {
    const auto* from = bgra.ptr<cv::Vec4b>(y);
    auto* to = bgr.ptr<cv::Vec3b>(y);
    for (int x = 0; x < bgra.cols; ++x)
      for (int c = 0; c < 3; ++c)
        to[x][c] = static_cast<unsigned char>((from[x][c] * from[x][3] + 255 * (255 - from[x][3]) + 127) / 255);
  }
}

}  // namespace codecs

namespace {

using codecs::Bytes;
using codecs::Stored;

Stored decode(Bytes file, int reduce_to, const ReadLimits& limits) {
  if (file.empty()) throw codecs::Undecodable("an empty file");
  const Kind kind = kind_of(file);
  if (kind.name == "JPEG") return codecs::read_jpeg(file, reduce_to, limits);
  if (kind.name == "PNG") return codecs::read_png(file, limits);
  if (kind.name == "GIF") return codecs::read_gif(file, limits);
  if (kind.name == "WebP") return codecs::read_webp(file, limits);
  if (kind.name == "TIFF") return codecs::read_tiff(file, limits);
  if (kind.name == "BMP") return codecs::read_bmp(file, limits);
  if (kind.name == "HEIC" || kind.name == "AVIF" || kind.name == "HEIF") return codecs::read_heif(file, limits);
  if (kind.name == "JPEG XL") return codecs::read_jxl(file, limits);
  if (kind.name == "JPEG 2000") return codecs::read_jpeg2000(file, limits);
  if (kind.name == "Netpbm") return codecs::read_netpbm(file, limits);
  if (kind.name == "icon (ICO)") return codecs::read_icon(file, limits);
  const std::string name(kind.name);
  if (kind.use == Kind::kPicture) throw codecs::Undecodable(name + " is not read; convert it to JPEG or PNG first");
  throw codecs::Undecodable(
      (name.empty() ? "not a picture" : "not a picture, but " + name) +
      " (JPEG, PNG, GIF, WebP, TIFF, BMP, HEIC, AVIF, JPEG XL, JPEG 2000, Netpbm and ICO are read)");
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

Picture decode_picture(Bytes file, const std::string& name, int reduce_to, const ReadLimits& limits) {
  try {
    return upright(decode(file, reduce_to, limits));
  } catch (const codecs::Undecodable& reason) {
    throw InputError(name + ": " + reason.what());
  } catch (const cv::Exception&) {  // OpenCV's own word for an allocation that failed
    throw InputError(name + ": not enough memory to decode it");
  } catch (const std::bad_alloc&) {
    throw InputError(name + ": not enough memory to decode it");
  }
}

Picture read_picture(const std::filesystem::path& path, int reduce_to, const ReadLimits& limits) {
  std::string file;
  try {
    file = read_regular_file(path);
  } catch (const std::bad_alloc&) {
    throw InputError(path.string() + ": not enough memory to read it");
  }
  return decode_picture({reinterpret_cast<const unsigned char*>(file.data()), file.size()}, path.string(), reduce_to,
                        limits);
}

}  // namespace attend
