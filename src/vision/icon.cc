#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "vision/codecs.h"

namespace attend::codecs {
namespace {

uint32_t number(Bytes file, size_t at, size_t size) {
  if (at + size > file.size()) throw Undecodable("not a whole icon: ends too early (cut short)");
  uint32_t value = 0;
  for (size_t i = 0; i < size; ++i) value |= uint32_t{file[at + i]} << 8 * i;
  return value;
}

/// The bytes of the largest picture in it, of equally large ones the one of most bits.
Bytes largest(Bytes file) {
  const size_t count = number(file, 4, 2);
  if (count == 0) throw Undecodable("an icon without a picture");
  uint64_t best = 0;
  size_t chosen = 0;
  for (size_t i = 0; i < count; ++i) {
    const size_t entry = 6 + 16 * i;
    const auto side = [&](size_t at) { return uint64_t{number(file, at, 1) == 0 ? 256 : number(file, at, 1)}; };
    // In a cursor these two bytes are where it points.
    const uint64_t bits = number(file, 2, 2) == 1 ? number(file, entry + 6, 2) : 0;
    const uint64_t rank = side(entry) * side(entry + 1) << 16 | bits;
    if (i == 0 || rank > best) best = rank, chosen = entry;
  }
  const size_t size = number(file, chosen + 8, 4), offset = number(file, chosen + 12, 4);
  if (offset > file.size() || size > file.size() - offset)
    throw Undecodable("not a whole icon: ends too early (cut short)");
  return file.subspan(offset, size);
}

void put(std::vector<unsigned char>& bytes, uint32_t value, size_t at) {
  for (size_t i = 0; i < 4; ++i) bytes[at + i] = static_cast<unsigned char>(value >> 8 * i);
}

/// A bitmap without its file header, of twice its height: below the colours lies a mask, a bit a pixel, 1 for
/// transparent.
Stored read_bitmap(Bytes bitmap, const ReadLimits& limits) {
  const uint32_t header = number(bitmap, 0, 4), bits = number(bitmap, 14, 2), used = number(bitmap, 32, 4);
  if (header != 40 || bitmap.size() < header) throw Undecodable("an icon of an unknown version");
  const auto width = static_cast<int32_t>(number(bitmap, 4, 4)),
             height = static_cast<int32_t>(number(bitmap, 8, 4)) / 2;
  check_size(width, height, limits);
  const uint32_t colours = bits > 8 ? 0 : std::min(used > 0 ? used : 256, 1u << bits);
  // As a file of the version that has masks for 32 bits, since a plain one has no alpha.
  constexpr uint32_t kFileHeader = 14, kVersion4 = 108, kMasks = 3;
  const bool deep = bits == 32;
  const uint32_t new_header = deep ? kVersion4 : header;
  std::vector<unsigned char> file(kFileHeader + new_header);
  std::memcpy(file.data(), "BM", 2);
  put(file, static_cast<uint32_t>(file.size()) + 4 * colours, 10);
  std::memcpy(file.data() + kFileHeader, bitmap.data(), header);
  put(file, new_header, kFileHeader);
  put(file, static_cast<uint32_t>(height), kFileHeader + 8);
  if (deep) {
    put(file, kMasks, kFileHeader + 16);
    const uint32_t masks[] = {0xff0000, 0xff00, 0xff, 0xff000000};
    for (size_t i = 0; i < 4; ++i) put(file, masks[i], kFileHeader + 40 + 4 * i);
  }
  file.insert(file.end(), bitmap.begin() + header, bitmap.end());
  Stored stored = read_bmp(file, limits);

  const size_t row = (static_cast<size_t>(width) * bits + 31) / 32 * 4,
               mask_row = (static_cast<size_t>(width) + 31) / 32 * 4;
  const size_t mask = header + 4 * size_t{colours} + row * static_cast<size_t>(height);
  bool has_alpha = false;
  for (size_t at = header + 3; deep && at < mask; at += 4) has_alpha |= bitmap[at] != 0;
  if (has_alpha) return stored;  // it says it all
  if (bitmap.size() < mask + mask_row * static_cast<size_t>(height))
    throw Undecodable("not a whole icon: ends too early (cut short)");
  for (int y = 0; y < height; ++y) {
    const unsigned char* from = bitmap.data() + mask + mask_row * static_cast<size_t>(height - 1 - y);
    for (int x = 0; x < width; ++x)
      if (from[x / 8] >> (7 - x % 8) & 1) stored.pixels.at<cv::Vec3b>(y, x) = cv::Vec3b::all(255);
  }
  return stored;
}

}  // namespace

Stored read_icon(Bytes file, const ReadLimits& limits) {
  const Bytes picture = largest(file);
  const bool png = picture.size() >= 4 && std::memcmp(picture.data(), "\x89PNG", 4) == 0;
  Stored stored = png ? read_png(picture, limits) : read_bitmap(picture, limits);
  stored.orientation = 1;
  return stored;
}

}  // namespace attend::codecs
