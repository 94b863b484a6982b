#include <png.h>

#include <algorithm>
#include <csetjmp>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <new>
#include <string>
#include <vector>

#include "vision/codecs.h"
#include "vision/colour_profile.h"

namespace attend::codecs {
namespace {

/// What is told by a walk over the chunks. libpng itself notices when pixels are missing; what follows them may be.
struct Chunks {
  int orientation = 1;
  size_t pixel_bytes = 0;  // of compressed pixels
};

Chunks walk_chunks(Bytes file) {
  Chunks chunks;
  for (size_t at = 8; file.size() >= at + 8;) {
    const size_t length =
        size_t{file[at]} << 24 | size_t{file[at + 1]} << 16 | size_t{file[at + 2]} << 8 | size_t{file[at + 3]};
    const auto* type = file.data() + at + 4;
    const size_t there = std::min(length, file.size() - at - 8);
    if (std::memcmp(type, "IDAT", 4) == 0) chunks.pixel_bytes += there;
    if (std::memcmp(type, "eXIf", 4) == 0) chunks.orientation = exif_orientation(file.subspan(at + 8, there));
    if (std::memcmp(type, "CgBI", 4) == 0)
      throw Undecodable("a PNG in Apple's own format (CgBI) is not read; convert it to JPEG or PNG first");
    if (std::memcmp(type, "IEND", 4) == 0) break;
    if (length + 12 > file.size() - at) {
      // Before the pixels libpng takes memory for a chunk by the length that it claims to have.
      if (chunks.pixel_bytes == 0) throw Undecodable("not a whole PNG: ends too early (cut short)");
      break;
    }
    at += 12 + length;
  }
  return chunks;
}

/// libpng's state with errors that jump back to decode_into() instead of ending the process.
struct Decoder {
  explicit Decoder(Bytes bytes) : rest(bytes) {
    png = png_create_read_struct(PNG_LIBPNG_VER_STRING, this, on_error, on_warning);
    if (png) info = png_create_info_struct(png);
    if (!info) throw std::bad_alloc();
    png_set_read_fn(png, this, read_bytes);
  }
  ~Decoder() { png_destroy_read_struct(&png, &info, nullptr); }
  Decoder(const Decoder&) = delete;

  static void read_bytes(png_structp from, png_bytep to, size_t size) {
    auto& rest = static_cast<Decoder*>(png_get_io_ptr(from))->rest;
    if (size > rest.size()) png_error(from, "ends too early (cut short)");
    std::memcpy(to, rest.data(), size);
    rest = rest.subspan(size);
  }
  [[noreturn]] static void on_error(png_structp from, png_const_charp reason) {
    auto& message = static_cast<Decoder*>(png_get_error_ptr(from))->message;
    std::snprintf(message, sizeof message, "%s", reason);
    png_longjmp(from, 1);
  }
  static void on_warning(png_structp, png_const_charp) {}  // of what leaves the pixels whole

  png_structp png = nullptr;
  png_infop info = nullptr;
  Bytes rest;
  char message[200] = "";
};

/// Asks for 8-bit BGR, or BGRA where something is transparent; returns whether it is.
bool choose_pixels(png_structp png, png_infop info) {
  const bool transparent =
      (png_get_color_type(png, info) & PNG_COLOR_MASK_ALPHA) || png_get_valid(png, info, PNG_INFO_tRNS);
  png_set_expand(png);  // palettes, less than eight bits, a transparent colour
  png_set_scale_16(png);
  png_set_gray_to_rgb(png);
  png_set_bgr(png);
  double gamma = 0;
  if (png_get_gAMA(png, info, &gamma) && !png_get_valid(png, info, PNG_INFO_sRGB) &&
      !png_get_valid(png, info, PNG_INFO_iCCP))
    png_set_gamma(png, PNG_DEFAULT_sRGB, gamma);
  png_set_interlace_handling(png);
  return transparent;
}

/// The ICC profile of a picture that has been decoded, or nothing.
Bytes profile_of(const Decoder& decoder) {
  char* name = nullptr;
  int compression = 0;
  png_bytep profile = nullptr;
  png_uint_32 size = 0;
  if (!png_get_iCCP(decoder.png, decoder.info, &name, &compression, &profile, &size)) return {};
  return {profile, size};
}

/// Decodes into `pixels` (BGR or BGRA). Returns false with decoder.message set on failure. Owns nothing: a jump out of
/// libpng passes over its frame.
bool decode_into(Decoder& decoder, size_t pixel_bytes, const ReadLimits& limits, cv::Mat& pixels,
                 std::vector<png_bytep>& rows) {
  auto* png = decoder.png;
  auto* info = decoder.info;
  if (setjmp(png_jmpbuf(png))) return false;
  png_set_user_limits(png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);  // check_size() has its own
  png_set_crc_action(png, PNG_CRC_DEFAULT, PNG_CRC_WARN_DISCARD);
  png_read_info(png, info);
  const png_uint_32 width = png_get_image_width(png, info), height = png_get_image_height(png, info);
  check_size(width, height, limits);
  // zlib makes at best 1032 bytes of one, and each row takes a bit for each pixel at least.
  if (uint64_t{pixel_bytes} * 1032 < (uint64_t{width} + 7) / 8 * height) png_error(png, "ends too early (cut short)");
  const bool transparent = choose_pixels(png, info);
  png_read_update_info(png, info);
  pixels.create(static_cast<int>(height), static_cast<int>(width), transparent ? CV_8UC4 : CV_8UC3);
  if (png_get_rowbytes(png, info) != pixels.cols * pixels.elemSize()) png_error(png, "damaged header");
  for (int y = 0; y < pixels.rows; ++y) rows.push_back(pixels.ptr(y));
  png_read_image(png, rows.data());
  return true;
}

}  // namespace

Stored read_png(Bytes file, const ReadLimits& limits) {
  const Chunks chunks = walk_chunks(file);
  Decoder decoder(file);
  cv::Mat pixels;
  std::vector<png_bytep> rows;
  if (!decode_into(decoder, chunks.pixel_bytes, limits, pixels, rows))
    throw Undecodable(std::string("not a whole PNG: ") + decoder.message);
  Stored stored;
  stored.orientation = chunks.orientation;
  stored.full = pixels.size();
  to_srgb(pixels, profile_of(decoder));
  // Not by libpng, which would mix light: browsers and editors mix the encoded values.
  if (pixels.channels() == 4)
    lay_over_white(pixels, stored.pixels);
  else
    stored.pixels = pixels;
  return stored;
}

}  // namespace attend::codecs
