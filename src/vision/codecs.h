// The decoders behind read_picture(), one source a format. They throw Undecodable, whose message is the reason alone.
#pragma once

#include <cstdint>
#include <opencv2/core.hpp>
#include <span>
#include <stdexcept>

#include "vision/picture.h"

namespace attend::codecs {

using Bytes = std::span<const unsigned char>;

/// Has a std::unique_ptr give an object of a C library back by the library's own function.
template <auto release>
struct Release {
  template <class T>
  void operator()(T* value) const {
    release(value);
  }
};

/// Why a picture can't be decoded; read_picture() puts the file's name before it.
class Undecodable : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A picture as it lies in the file, before it is turned upright.
struct Stored {
  cv::Mat pixels;       // CV_8UC3, BGR
  cv::Size full;        // size in the file; larger than `pixels` after reduced decoding
  int orientation = 1;  // EXIF's 1 to 8
};

Stored read_jpeg(Bytes file, int reduce_to, const ReadLimits& limits);
Stored read_png(Bytes file, const ReadLimits& limits);
Stored read_gif(Bytes file, const ReadLimits& limits);
Stored read_webp(Bytes file, const ReadLimits& limits);
Stored read_tiff(Bytes file, const ReadLimits& limits);
Stored read_bmp(Bytes file, const ReadLimits& limits);
Stored read_heif(Bytes file, const ReadLimits& limits);  // HEIC and AVIF
Stored read_jxl(Bytes file, const ReadLimits& limits);
Stored read_jpeg2000(Bytes file, const ReadLimits& limits);
Stored read_netpbm(Bytes file, const ReadLimits& limits);
Stored read_icon(Bytes file, const ReadLimits& limits);  // ICO and CUR: the largest picture in it

/// Throws Undecodable for an empty picture or one larger than the limits.
void check_size(int64_t width, int64_t height, const ReadLimits& limits);

/// Whether coded data end in a long run of NUL bytes, which no coder of entropy writes: a file whose whole length was reserved
/// for a download or a copy that then stopped.
bool ends_unwritten(Bytes coded);

/// A picture with straight alpha (BGRA, u8) laid over white. `bgr` may be a part of another picture.
void lay_over_white(const cv::Mat& bgra, cv::Mat& bgr);

/// The orientation in EXIF data (a TIFF header and directory, with or without "Exif\0\0" before it); 1 when it has
/// none.
int exif_orientation(Bytes exif);

}  // namespace attend::codecs
