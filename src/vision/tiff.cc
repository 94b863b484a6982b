#include <tiffio.h>

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>

#include "vision/codecs.h"

namespace attend::codecs {
namespace {

/// A file in memory as libtiff's input, and what it said last.
struct Source {
  Bytes file;
  toff_t at = 0;
  char message[200] = "damaged";
};

tmsize_t read_bytes(thandle_t handle, void* to, tmsize_t size) {
  auto& source = *static_cast<Source*>(handle);
  const auto left = source.at < source.file.size() ? source.file.size() - source.at : 0;
  const auto count = std::min<toff_t>(left, static_cast<toff_t>(size));
  if (count > 0) std::memcpy(to, source.file.data() + source.at, count);
  source.at += count;
  return static_cast<tmsize_t>(count);
}

toff_t seek(thandle_t handle, toff_t offset, int from) {
  auto& source = *static_cast<Source*>(handle);
  source.at = offset + (from == SEEK_CUR ? source.at : from == SEEK_END ? source.file.size() : 0);
  return source.at;
}

toff_t size(thandle_t handle) { return static_cast<Source*>(handle)->file.size(); }
tmsize_t write_nothing(thandle_t, void*, tmsize_t) { return 0; }
int close_nothing(thandle_t) { return 0; }

int on_error(TIFF*, void* source, const char*, const char* format, va_list arguments) {
  auto& message = static_cast<Source*>(source)->message;
  std::vsnprintf(message, sizeof message, format, arguments);
  return 1;  // said all there is to say: nothing goes to stderr
}

int on_warning(TIFF*, void*, const char*, const char*, va_list) { return 1; }

struct Close {
  void operator()(TIFF* tiff) const { TIFFClose(tiff); }
};

std::unique_ptr<TIFF, Close> open(Source& source) {
  auto* options = TIFFOpenOptionsAlloc();
  TIFFOpenOptionsSetErrorHandlerExtR(options, on_error, &source);
  TIFFOpenOptionsSetWarningHandlerExtR(options, on_warning, nullptr);
  // 'm': not mapped, so that every read is checked against the file's end.
  TIFF* tiff = TIFFClientOpenExt("TIFF", "rm", &source, read_bytes, write_nothing, seek, close_nothing, size, nullptr,
                                 nullptr, options);
  TIFFOpenOptionsFree(options);
  return std::unique_ptr<TIFF, Close>(tiff);
}

/// libtiff's reader of everything as premultiplied RGBA.
struct RgbaReader : TIFFRGBAImage {
  RgbaReader(TIFF* tiff, Source& source) : TIFFRGBAImage{} {
    char reason[1024] = "";
    opened = TIFFRGBAImageOK(tiff, reason) && TIFFRGBAImageBegin(this, tiff, 1, reason);
    if (!opened && reason[0]) std::snprintf(source.message, sizeof source.message, "%.190s", reason);
  }
  ~RgbaReader() {
    if (opened) TIFFRGBAImageEnd(this);
  }
  RgbaReader(const RgbaReader&) = delete;
  bool opened;
};

}  // namespace

Stored read_tiff(Bytes file, const ReadLimits& limits) {
  Source source{file};
  const auto tiff = open(source);
  const auto fail = [&] { throw Undecodable(std::string("not a whole TIFF: ") + source.message); };
  if (!tiff) fail();
  uint32_t width = 0, height = 0;
  uint16_t orientation = ORIENTATION_TOPLEFT;
  TIFFGetField(tiff.get(), TIFFTAG_IMAGEWIDTH, &width);
  TIFFGetField(tiff.get(), TIFFTAG_IMAGELENGTH, &height);
  TIFFGetFieldDefaulted(tiff.get(), TIFFTAG_ORIENTATION, &orientation);
  check_size(width, height, limits);
  RgbaReader reader(tiff.get(), source);
  if (!reader.opened) fail();

  Stored stored;
  stored.orientation = orientation >= 1 && orientation <= 8 ? orientation : 1;
  stored.full = cv::Size(static_cast<int>(width), static_cast<int>(height));
  reader.req_orientation = reader.orientation;  // rows and columns as they are stored: turned upright with all others
  cv::Mat rgba(stored.full, CV_8UC4);
  if (!TIFFRGBAImageGet(&reader, rgba.ptr<uint32_t>(), width, height)) fail();
  stored.pixels.create(stored.full, CV_8UC3);
  for (int y = 0; y < rgba.rows; ++y) {
    const auto* from = rgba.ptr<uint32_t>(y);
    auto* to = stored.pixels.ptr<cv::Vec3b>(y);
    for (int x = 0; x < rgba.cols; ++x) {
      const uint32_t pixel = from[x], white = 255 - TIFFGetA(pixel);
      const auto over_white = [&](uint32_t value) { return static_cast<unsigned char>(std::min(value + white, 255u)); };
      to[x] = {over_white(TIFFGetB(pixel)), over_white(TIFFGetG(pixel)), over_white(TIFFGetR(pixel))};
    }
  }
  return stored;
}

}  // namespace attend::codecs
