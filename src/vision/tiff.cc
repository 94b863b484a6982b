#include <tiffio.h>

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <memory>
#include <opencv2/imgproc.hpp>
#include <string>
#include <utility>

#include "vision/codecs.h"
#include "vision/colour_profile.h"
#include "vision/tiff_samples.h"

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

/// libtiff's reader of everything as RGBA. Its alpha is left out: it takes samples for alpha that aren't.
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

/// libtiff decodes a whole strip or tile at once, however little of it is shown: no more of them than the picture warrants.
void check_memory(TIFF* tiff, uint32_t width, uint32_t height) {
  constexpr uint64_t kBytesAPixel = 32, kFree = 64 << 20;
  uint32_t tile_width = 0, tile_height = 0;
  const bool tiled = TIFFIsTiled(tiff);
  if (tiled) TIFFGetField(tiff, TIFFTAG_TILEWIDTH, &tile_width), TIFFGetField(tiff, TIFFTAG_TILELENGTH, &tile_height);
  const uint64_t bytes = tiled ? TIFFTileSize64(tiff) : TIFFStripSize64(tiff);
  const uint64_t most = kBytesAPixel * width * height + kFree;
  // A tile's own pixels are made RGBA, four bytes each.
  if (bytes > most || (tile_height > 0 && tile_width > most / 4 / tile_height))
    throw Undecodable("a TIFF whose strips or tiles are much larger than the picture is not read");
}

/// Goes to the first page that is neither a thumbnail of another nor a mask, where there is one.
void show_whole_picture(TIFF* tiff) {
  constexpr int kMostPages = 16;
  for (int page = 0; page < kMostPages; ++page) {
    uint32_t kind = 0;
    TIFFGetFieldDefaulted(tiff, TIFFTAG_SUBFILETYPE, &kind);
    if (!(kind & (FILETYPE_REDUCEDIMAGE | FILETYPE_MASK))) return;
    if (!TIFFReadDirectory(tiff)) break;
  }
  TIFFSetDirectory(tiff, 0);
}

/// Refuses what this libtiff doesn't unpack, by its name.
void check_compression(TIFF* tiff) {
  uint16_t compression = COMPRESSION_NONE;
  TIFFGetFieldDefaulted(tiff, TIFFTAG_COMPRESSION, &compression);
  if (TIFFIsCODECConfigured(compression)) return;
  constexpr std::pair<int, const char*> kNames[] = {{34712, "JPEG 2000"}, {33003, "JPEG 2000"}, {33005, "JPEG 2000"},
                                                    {34934, "JPEG XR"},   {22610, "JPEG XR"},   {50002, "JPEG XL"},
                                                    {52546, "JPEG XL"},   {34933, "PNG"},       {34887, "LERC"},
                                                    {50000, "Zstandard"}, {50001, "WebP"},      {34925, "LZMA"}};
  std::string name = "compression " + std::to_string(compression);
  for (const auto& [number, called] : kNames)
    if (number == compression) name = called;
  throw Undecodable("a TIFF with " + name + " in it is not read; convert it to JPEG or PNG first");
}

/// Refuses samples whose range of values isn't that of a picture.
void check_samples(TIFF* tiff) {
  uint16_t bits = 1, format = SAMPLEFORMAT_UINT;
  TIFFGetFieldDefaulted(tiff, TIFFTAG_BITSPERSAMPLE, &bits);
  TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLEFORMAT, &format);
  const char* kind = format == SAMPLEFORMAT_IEEEFP                                               ? "floating-point "
                     : format == SAMPLEFORMAT_INT                                                ? "signed "
                     : format == SAMPLEFORMAT_COMPLEXINT || format == SAMPLEFORMAT_COMPLEXIEEEFP ? "complex "
                                                                                                 : "";
  if (bits >= 1 && bits <= 16 && !*kind) return;
  throw Undecodable("a TIFF of " + std::to_string(bits) + "-bit " + kind +
                    "samples is not read; convert it to unsigned 8 or 16 bits first");
}

/// What libtiff has to convert, as it is stored; an empty picture where it can't.
cv::Mat read_converted(TIFF* tiff, Source& source, cv::Size size) {
  RgbaReader reader(tiff, source);
  if (!reader.opened) return {};
  reader.req_orientation = reader.orientation;  // rows and columns as they are stored: turned upright with all others
  cv::Mat rgba(size, CV_8UC4), bgr;
  if (!TIFFRGBAImageGet(&reader, rgba.ptr<uint32_t>(), static_cast<uint32_t>(size.width),
                        static_cast<uint32_t>(size.height)))
    return {};
  cv::cvtColor(rgba, bgr, cv::COLOR_RGBA2BGR);
  return bgr;
}

}  // namespace

Stored read_tiff(Bytes file, const ReadLimits& limits) {
  Source source{file};
  const auto tiff = open(source);
  const auto fail = [&] { throw Undecodable(std::string("not a whole TIFF: ") + source.message); };
  if (!tiff) fail();
  show_whole_picture(tiff.get());
  uint32_t width = 0, height = 0;
  uint16_t orientation = ORIENTATION_TOPLEFT;
  TIFFGetField(tiff.get(), TIFFTAG_IMAGEWIDTH, &width);
  TIFFGetField(tiff.get(), TIFFTAG_IMAGELENGTH, &height);
  TIFFGetFieldDefaulted(tiff.get(), TIFFTAG_ORIENTATION, &orientation);
  check_size(width, height, limits);
  check_compression(tiff.get());
  check_samples(tiff.get());
  check_memory(tiff.get(), width, height);
  Stored stored;
  stored.orientation = orientation >= 1 && orientation <= 8 ? orientation : 1;
  stored.full = cv::Size(static_cast<int>(width), static_cast<int>(height));
  stored.pixels = has_plain_samples(tiff.get()) ? read_samples(tiff.get(), stored.full)
                                                : read_converted(tiff.get(), source, stored.full);
  if (stored.pixels.empty()) fail();
  uint32_t profile_size = 0;
  const unsigned char* profile = nullptr;
  if (TIFFGetField(tiff.get(), TIFFTAG_ICCPROFILE, &profile_size, &profile))
    to_srgb(stored.pixels, {profile, profile_size});
  return stored;
}

}  // namespace attend::codecs
