#include <algorithm>
#include <array>
#include <bit>
#include <cstdlib>
#include <opencv2/imgproc.hpp>
#include <string>
#include <vector>

#include "vision/codecs.h"

// OpenCV's decoder, the one there is among the libraries used, takes masks and alpha for what they aren't and writes to
// stderr about files that are cut short.
namespace attend::codecs {
namespace {

enum Compression : uint32_t {
  kPlain = 0,
  kRle8 = 1,
  kRle4 = 2,
  kMasks = 3,
  kJpegInside = 4,
  kPngInside = 5,
  kMasksWithAlpha = 6
};

struct Header {
  int64_t offset = 0, size = 0, width = 0, height = 0, bits = 0, colours = 0;
  uint32_t compression = kPlain;
  bool top_down = false;
  std::array<uint32_t, 4> masks{};  // of blue, green, red, alpha
};

[[noreturn]] void fail_short() { throw Undecodable("not a whole BMP: ends too early (cut short)"); }

uint32_t number(Bytes file, size_t at, size_t size) {
  if (at + size > file.size()) fail_short();
  uint32_t value = 0;
  for (size_t i = 0; i < size; ++i) value |= uint32_t{file[at + i]} << 8 * i;
  return value;
}

void read_masks(Bytes file, Header& header) {
  const bool own = header.compression == kMasks || header.compression == kMasksWithAlpha;
  if (header.bits == 16) header.masks = {0x1f, 0x3e0, 0x7c00, 0};
  if (header.bits == 32) header.masks = {0xff, 0xff00, 0xff0000, 0};
  if (own)  // they stand in the header, or behind it where it is the old one of 40 bytes
    for (size_t i = 0; i < 3; ++i) header.masks[i] = number(file, 54 + 4 * (2 - i), 4);
  if (header.size >= 56 || header.compression == kMasksWithAlpha) header.masks[3] = number(file, 66, 4);
}

Header read_header(Bytes file, const ReadLimits& limits) {
  Header header;
  header.offset = number(file, 10, 4);
  header.size = number(file, 14, 4);
  const bool old = header.size == 12;  // OS/2's header of sixteen-bit fields
  if (!old && header.size < 16) throw Undecodable("a BMP of an unknown version");
  if (!old && header.size < 40) throw Undecodable("a BMP of OS/2 2 is not read; convert it to JPEG or PNG first");
  const auto side = [&](size_t at) {
    return old ? int64_t{number(file, at, 2)} : int64_t{static_cast<int32_t>(number(file, at, 4))};
  };
  header.width = side(18);
  const int64_t height = side(old ? 20 : 22);
  header.height = std::abs(height);
  header.top_down = height < 0;
  header.bits = number(file, old ? 24 : 28, 2);
  header.compression = old ? 0 : number(file, 30, 4);
  check_size(header.width, header.height, limits);
  const auto bits = header.bits;
  const bool known = header.compression == kPlain || (header.compression == kRle8 && bits == 8) ||
                     (header.compression == kRle4 && bits == 4) ||
                     ((header.compression == kMasks || header.compression == kMasksWithAlpha) &&
                      (bits == 16 || bits == 32) && header.size != 64);
  if (header.compression == kJpegInside || header.compression == kPngInside)
    throw Undecodable(std::string("a BMP with a ") + (header.compression == kJpegInside ? "JPEG" : "PNG") +
                      " in it is not read; convert it to JPEG or PNG first");
  if (bits != 1 && bits != 2 && bits != 4 && bits != 8 && bits != 16 && bits != 24 && bits != 32)
    throw Undecodable("not a BMP: " + std::to_string(bits) + " bits a pixel");
  if (!known)
    throw Undecodable("a BMP of compression " + std::to_string(header.compression) +
                      " is not read; convert it to JPEG or PNG first");
  const uint32_t used = old ? 0 : number(file, 46, 4);
  if (bits <= 8) header.colours = std::min<int64_t>(used > 0 ? used : 256, int64_t{1} << bits);
  if (14 + header.size > header.offset) throw Undecodable("not a BMP: damaged header");
  read_masks(file, header);
  return header;
}

/// BGR; those that the file lacks are black.
std::vector<cv::Vec3b> read_palette(Bytes file, const Header& header) {
  std::vector<cv::Vec3b> palette(256);
  const int64_t start = 14 + header.size, entry = header.size == 12 ? 3 : 4;
  const int64_t count = std::min(header.colours, (header.offset - start) / entry);
  for (int64_t i = 0; i < count; ++i)
    for (int64_t c = 0; c < 3; ++c)
      palette[static_cast<size_t>(i)][static_cast<int>(c)] =
          static_cast<unsigned char>(number(file, static_cast<size_t>(start + i * entry + c), 1));
  return palette;
}

/// Run-length codes, [H, W] indices with -1 where they leave a pixel out.
cv::Mat read_runs(Bytes file, const Header& header) {
  cv::Mat indices(static_cast<int>(header.height), static_cast<int>(header.width), CV_16SC1, cv::Scalar(-1));
  const bool nibbles = header.compression == kRle4;
  size_t at = static_cast<size_t>(header.offset);
  int x = 0, y = 0;
  const auto put = [&](unsigned byte, int place) {  // the place-th pixel of a run
    if (x < indices.cols)
      indices.at<short>(y, x++) = static_cast<short>(!nibbles ? byte : place % 2 ? byte & 15 : byte >> 4);
  };
  while (y < indices.rows) {
    if (at >= file.size() && (y == indices.rows - 1 && x == indices.cols)) break;  // the end mark is missing
    const unsigned count = number(file, at, 1), value = number(file, at + 1, 1);
    at += 2;
    if (count > 0) {
      for (unsigned i = 0; i < count; ++i) put(value, static_cast<int>(i));
    } else if (value == 0) {  // end of the line
      x = 0, ++y;
    } else if (value == 1) {  // end of the picture
      break;
    } else if (value == 2) {  // onwards
      x += static_cast<int>(number(file, at, 1)), y += static_cast<int>(number(file, at + 1, 1));
      at += 2;
    } else {  // as many pixels as they are, padded to sixteen bits
      for (unsigned i = 0; i < value; ++i) put(number(file, at + (nibbles ? i / 2 : i), 1), static_cast<int>(i));
      const size_t bytes = nibbles ? (value + 1) / 2 : value;
      at += bytes + bytes % 2;
    }
  }
  return indices;
}

/// A row of `bits` a pixel: its x-th value.
uint32_t value_at(const unsigned char* row, int x, int64_t bits) {
  if (bits < 8) {
    const int per_byte = static_cast<int>(8 / bits), place = per_byte - 1 - x % per_byte;
    return static_cast<uint32_t>(row[x / per_byte] >> place * bits) & ((1u << bits) - 1);
  }
  uint32_t value = 0;
  const auto bytes = static_cast<int>(bits / 8);
  for (int i = 0; i < bytes; ++i) value |= uint32_t{row[x * bytes + i]} << 8 * i;
  return value;
}

/// The part of a pixel under a mask, from 0 to 255.
unsigned char masked(uint32_t pixel, uint32_t mask) {
  if (mask == 0) return 0;
  const int shift = std::countr_zero(mask);
  const uint64_t most = mask >> shift;
  return static_cast<unsigned char>((((pixel & mask) >> shift) * uint64_t{255} + most / 2) / most);
}

cv::Mat read_plain(Bytes file, const Header& header) {
  const int width = static_cast<int>(header.width), height = static_cast<int>(header.height);
  const int64_t stride = (width * header.bits + 31) / 32 * 4, last = (width * header.bits + 7) / 8;
  if (header.offset + stride * (height - 1) + last > static_cast<int64_t>(file.size())) fail_short();
  const auto row_at = [&](int y) { return file.data() + header.offset + stride * y; };
  const auto fill = [&](cv::Mat& pixels, const auto& make) {
    for (int y = 0; y < height; ++y)
      for (int x = 0; x < width; ++x) make(pixels.ptr(y) + x * pixels.channels(), value_at(row_at(y), x, header.bits));
  };
  cv::Mat pixels(height, width, CV_8UC3);
  if (header.bits <= 8) {
    const auto palette = read_palette(file, header);
    fill(pixels, [&](unsigned char* to, uint32_t value) { std::copy_n(palette[value].val, 3, to); });
  } else if (header.bits == 24) {
    fill(pixels, [](unsigned char* to, uint32_t value) {
      for (int c = 0; c < 3; ++c) to[c] = static_cast<unsigned char>(value >> 8 * c);
    });
  } else {
    bool transparent = false;  // where alpha is 0 everywhere, nobody has written it
    if (const uint32_t alpha = header.masks[3])
      for (int y = 0; y < height && !transparent; ++y)
        for (int x = 0; x < width; ++x) transparent |= (value_at(row_at(y), x, header.bits) & alpha) != 0;
    const int channels = transparent ? 4 : 3;
    cv::Mat decoded = transparent ? cv::Mat(height, width, CV_8UC4) : pixels;
    fill(decoded, [&](unsigned char* to, uint32_t value) {
      for (int c = 0; c < channels; ++c) to[c] = masked(value, header.masks[static_cast<size_t>(c)]);
    });
    if (transparent) lay_over_white(decoded, pixels);
  }
  return pixels;
}

}  // namespace

Stored read_bmp(Bytes file, const ReadLimits& limits) {
  const Header header = read_header(file, limits);
  Stored stored;
  if (header.compression == kRle8 || header.compression == kRle4) {
    const auto palette = read_palette(file, header);
    const cv::Mat indices = read_runs(file, header);
    stored.pixels = cv::Mat(indices.size(), CV_8UC3, cv::Scalar::all(255));
    for (int y = 0; y < indices.rows; ++y)
      for (int x = 0; x < indices.cols; ++x)
        if (const short index = indices.at<short>(y, x); index >= 0)
          stored.pixels.at<cv::Vec3b>(y, x) = palette[static_cast<size_t>(index)];
  } else {
    stored.pixels = read_plain(file, header);
  }
  stored.full = stored.pixels.size();
  if (!header.top_down) cv::flip(stored.pixels, stored.pixels, 0);
  return stored;
}

}  // namespace attend::codecs
