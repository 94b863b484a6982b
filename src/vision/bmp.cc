#include <cstdlib>
#include <limits>
#include <opencv2/imgcodecs.hpp>
#include <string>

#include "vision/codecs.h"

namespace attend::codecs {

// OpenCV decodes; but on a file that is cut short it writes to stderr, so the header is checked against the file's
// length first. Run-length compressed files, whose length can't be told from the header, are refused.
Stored read_bmp(Bytes file, const ReadLimits& limits) {
  const auto number = [&](size_t at, size_t size) {
    if (at + size > file.size()) throw Undecodable("not a whole BMP: ends too early (cut short)");
    uint32_t value = 0;
    for (size_t i = 0; i < size; ++i) value |= uint32_t{file[at + i]} << 8 * i;
    return value;
  };
  const int64_t offset = number(10, 4), header = number(14, 4);
  const bool old = header == 12;  // OS/2's header of sixteen-bit fields
  if (!old && header < 40) throw Undecodable("a BMP of an unknown version");
  const int64_t width = old ? number(18, 2) : static_cast<int32_t>(number(18, 4));
  const int64_t height = old ? number(20, 2) : std::abs(int64_t{static_cast<int32_t>(number(22, 4))});
  const int64_t bits = number(old ? 24 : 28, 2);
  const uint32_t compression = old ? 0 : number(30, 4), used_colours = old ? 0 : number(46, 4);
  check_size(width, height, limits);
  if (compression != 0 && compression != 3) throw Undecodable("a compressed BMP (only plain ones are read)");
  if (bits != 1 && bits != 4 && bits != 8 && bits != 16 && bits != 24 && bits != 32)
    throw Undecodable("not a BMP: " + std::to_string(bits) + " bits a pixel");
  const int64_t colours = bits > 8 ? 0 : used_colours > 0 ? used_colours : int64_t{1} << bits;
  const int64_t row = (width * bits + 31) / 32 * 4;
  if (colours > 256 || 14 + header + colours * (old ? 3 : 4) > offset) throw Undecodable("not a BMP: damaged header");
  const int64_t needed = offset + row * height;
  if (needed > static_cast<int64_t>(file.size())) throw Undecodable("not a whole BMP: ends too early (cut short)");
  if (needed > std::numeric_limits<int>::max()) throw Undecodable("too large for a BMP");

  const cv::Mat bytes(1, static_cast<int>(needed), CV_8UC1, const_cast<unsigned char*>(file.data()));
  Stored stored;
  stored.pixels = cv::imdecode(bytes, cv::IMREAD_COLOR | cv::IMREAD_IGNORE_ORIENTATION);
  if (stored.pixels.empty()) throw Undecodable("not a BMP: damaged header");
  stored.full = stored.pixels.size();
  return stored;
}

}  // namespace attend::codecs
