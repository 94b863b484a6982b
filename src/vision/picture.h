// Reading a picture file: any common format, any depth, upright, or one clear line about why not.
#pragma once

#include <cstdint>
#include <filesystem>
#include <opencv2/core.hpp>
#include <span>
#include <string>

namespace attend {

/// A decoded picture, upright (EXIF orientation undone).
struct Picture {
  cv::Mat pixels;  // CV_8UC3, BGR
  cv::Size full;   // upright size of the picture in the file; `pixels` are fewer after reduced decoding
};

/// What read_picture() refuses before it decodes anything.
struct ReadLimits {
  int64_t max_pixels = 250'000'000;  // width times height in the file's header
};

/// Reads JPEG, PNG, GIF, WebP, TIFF, BMP, HEIC, AVIF, JPEG XL, JPEG 2000, Netpbm or ICO; the content decides which, not the
/// name. Of an animation or a file of several pages the first picture is taken, of an icon the largest. Sixteen bits become
/// eight, grey and palettes become colour, CMYK becomes RGB, colours of another profile become sRGB's. What is transparent is laid over white: the page such pictures are made for, while the colour kept under full
/// transparency is arbitrary. A file of which nothing but the end is missing behind its last pixel is read.
///
/// reduce_to > 0 lets a JPEG be decoded at 1/2, 1/4 or 1/8 of its size as long as both sides keep at least
/// `reduce_to` pixels: several times faster for large photographs.
///
/// Takes memory for the file and, for each pixel that its header declares, 3 bytes and what docs/reliability.md says of the
/// format; a picture whose decoding would take much more, or much longer, than its pixels warrant is refused. The file is
/// read at once: another program that changes it meanwhile at worst makes it too short.
///
/// Throws InputError that names the file and the reason when it can't be read, isn't a picture, ends too early, is
/// damaged, or is larger than `limits` allow. Prints nothing; may be called from any number of threads.
Picture read_picture(const std::filesystem::path& path, int reduce_to = 0, const ReadLimits& limits = {});

/// The same of a file's bytes; `name` stands for it in messages.
Picture decode_picture(std::span<const unsigned char> file, const std::string& name, int reduce_to = 0,
                       const ReadLimits& limits = {});

}  // namespace attend
