#include <png.h>

#include <algorithm>
#include <cstring>
#include <string>

#include "vision/codecs.h"

namespace attend::codecs {
namespace {

/// Walks the chunks to the end marker: finds a file that is cut anywhere, also behind the last row, and the
/// orientation.
int check_chunks(Bytes file) {
  int orientation = 1;
  size_t at = 8;
  for (;;) {
    if (file.size() - at < 12) throw Undecodable("not a whole PNG: ends too early (cut short)");
    const size_t length =
        size_t{file[at]} << 24 | size_t{file[at + 1]} << 16 | size_t{file[at + 2]} << 8 | size_t{file[at + 3]};
    if (length > file.size() - at - 12) throw Undecodable("not a whole PNG: ends too early (cut short)");
    const auto* type = file.data() + at + 4;
    if (std::memcmp(type, "eXIf", 4) == 0) orientation = exif_orientation(file.subspan(at + 8, length));
    if (std::memcmp(type, "IEND", 4) == 0) return orientation;
    at += 12 + length;
  }
}

}  // namespace

Stored read_png(Bytes file, const ReadLimits& limits) {
  if (file.size() < 8) throw Undecodable("not a whole PNG: ends too early (cut short)");
  Stored stored;
  stored.orientation = check_chunks(file);

  struct Image : png_image {
    Image() : png_image{} { version = PNG_IMAGE_VERSION; }
    ~Image() { png_image_free(this); }
  } image;
  const auto fail = [&] { throw Undecodable(std::string("not a whole PNG: ") + image.message); };
  if (!png_image_begin_read_from_memory(&image, file.data(), file.size())) fail();
  check_size(image.width, image.height, limits);
  image.format = PNG_FORMAT_BGR;
  image.flags |= PNG_IMAGE_FLAG_16BIT_sRGB;  // sixteen bits without a gamma are encoded like eight
  stored.full = cv::Size(static_cast<int>(image.width), static_cast<int>(image.height));
  stored.pixels.create(stored.full, CV_8UC3);
  const png_color white{255, 255, 255};
  if (!png_image_finish_read(&image, &white, stored.pixels.data, static_cast<int>(stored.pixels.step), nullptr)) fail();
  return stored;
}

}  // namespace attend::codecs
