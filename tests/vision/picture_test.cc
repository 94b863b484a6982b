#include "vision/picture.h"

#include <gif_lib.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <png.h>
#include <sys/stat.h>
#include <tiffio.h>
#include <webp/encode.h>

#include <atomic>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <thread>
#include <utility>

#include "base/error.h"
#include "base/parallel.h"
#include "vision/picture_files.h"

namespace attend {
namespace {

using namespace attend::testing;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

/// Largest difference of any channel of any pixel.
double difference(const cv::Mat& a, const cv::Mat& b) { return cv::norm(a, b, cv::NORM_INF); }

void append(FileBytes& to, const FileBytes& bytes) { to.insert(to.end(), bytes.begin(), bytes.end()); }

FileBytes little_endian(uint64_t value, int size) {
  FileBytes bytes;
  for (int i = 0; i < size; ++i) bytes.push_back(static_cast<unsigned char>(value >> 8 * i));
  return bytes;
}

/// A RIFF chunk.
FileBytes chunk(const std::string& name, const FileBytes& data) {
  FileBytes bytes(name.begin(), name.end());
  append(bytes, little_endian(static_cast<uint32_t>(data.size()), 4));
  append(bytes, data);
  if (data.size() % 2) bytes.push_back(0);
  return bytes;
}

FileBytes riff_webp(const FileBytes& chunks) {
  FileBytes data{'W', 'E', 'B', 'P'};
  append(data, chunks);
  return chunk("RIFF", data);
}

/// The VP8L chunk of a picture (BGRA).
FileBytes webp_pixels(const cv::Mat& bgra) {
  unsigned char* data = nullptr;
  const size_t size = WebPEncodeLosslessBGRA(bgra.data, bgra.cols, bgra.rows, static_cast<int>(bgra.step), &data);
  FileBytes bytes(data + 12, data + size);  // without the RIFF header
  WebPFree(data);
  return bytes;
}

cv::Mat bgra_of(const cv::Scalar& colour, int width, int height) { return {height, width, CV_8UC4, colour}; }

FileBytes vp8x(unsigned char flags, int width, int height) {
  FileBytes data{flags, 0, 0, 0};
  append(data, little_endian(static_cast<uint32_t>(width - 1), 3));
  append(data, little_endian(static_cast<uint32_t>(height - 1), 3));
  return chunk("VP8X", data);
}

/// 20x10: first a half-transparent red 8x4 frame at (6, 2), then a blue one over all.
FileBytes animated_webp() {
  FileBytes chunks = vp8x(0x12, 20, 10);
  append(chunks, chunk("ANIM", {0, 0, 0, 0, 0, 0}));
  const auto frame = [&](int x, int y, const cv::Mat& bgra) {
    FileBytes data = little_endian(static_cast<uint32_t>(x / 2), 3);
    append(data, little_endian(static_cast<uint32_t>(y / 2), 3));
    append(data, little_endian(static_cast<uint32_t>(bgra.cols - 1), 3));
    append(data, little_endian(static_cast<uint32_t>(bgra.rows - 1), 3));
    append(data, {100, 0, 0, 0});
    append(data, webp_pixels(bgra));
    append(chunks, chunk("ANMF", data));
  };
  frame(6, 2, bgra_of({0, 0, 255, 128}, 8, 4));
  frame(0, 0, bgra_of({255, 0, 0, 255}, 20, 10));
  return riff_webp(chunks);
}

/// 16x12 with two frames: first a ramp of reds at (2, 1), 12x9, red 5 transparent, perhaps interlaced; then a black
/// one.
FileBytes animated_gif(bool interlaced) {
  FileBytes bytes;
  int error = 0;
  GifFileType* gif = EGifOpen(
      &bytes,
      [](GifFileType* file, const GifByteType* data, int size) {
        append(*static_cast<FileBytes*>(file->UserData), FileBytes(data, data + size));
        return size;
      },
      &error);
  GifColorType colours[16] = {};
  for (int i = 0; i < 16; ++i) colours[i].Red = static_cast<GifByteType>(i * 17);
  ColorMapObject* map = GifMakeMapObject(16, colours);
  EGifSetGifVersion(gif, true);
  EGifPutScreenDesc(gif, 16, 12, 8, 0, map);
  const unsigned char control[] = {1, 10, 0, 5};
  EGifPutExtension(gif, GRAPHICS_EXT_FUNC_CODE, 4, control);
  EGifPutImageDesc(gif, 2, 1, 12, 9, interlaced, nullptr);
  std::vector<int> rows;
  if (interlaced)
    rows = {0, 8, 4, 2, 6, 1, 3, 5, 7};
  else
    rows = {0, 1, 2, 3, 4, 5, 6, 7, 8};
  for (const int y : rows) {
    GifPixelType line[12];
    for (int x = 0; x < 12; ++x) line[x] = static_cast<GifPixelType>((x + y) % 16);
    EGifPutLine(gif, line, 12);
  }
  EGifPutImageDesc(gif, 0, 0, 16, 12, false, nullptr);
  for (int y = 0; y < 12; ++y) {
    GifPixelType line[16] = {};
    EGifPutLine(gif, line, 16);
  }
  EGifCloseFile(gif, &error);
  GifFreeMapObject(map);
  return bytes;
}

/// What animated_gif()'s first frame must look like.
cv::Mat gif_first_frame() {
  cv::Mat picture(12, 16, CV_8UC3, cv::Scalar::all(255));
  for (int y = 0; y < 9; ++y)
    for (int x = 0; x < 12; ++x)
      if (const int index = (x + y) % 16; index != 5)
        picture.at<cv::Vec3b>(y + 1, x + 2) = {0, 0, static_cast<unsigned char>(index * 17)};
  return picture;
}

/// A PNG as libpng writes it, its rows and what stands before them by `write`.
FileBytes written_png(const cv::Mat& pixels, int bits, int colours, int interlacing,
                      const std::function<void(png_structp, png_infop)>& write) {
  FileBytes bytes;
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  png_set_write_fn(
      png, &bytes,
      [](png_structp file, png_bytep data, size_t size) {
        append(*static_cast<FileBytes*>(png_get_io_ptr(file)), FileBytes(data, data + size));
      },
      nullptr);
  png_set_IHDR(png, info, static_cast<png_uint_32>(pixels.cols), static_cast<png_uint_32>(pixels.rows), bits, colours,
               interlacing, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  write(png, info);
  png_write_end(png, info);
  png_destroy_write_struct(&png, &info);
  return bytes;
}

/// A PNG with a palette and its transparency; one byte a pixel.
FileBytes indexed_png(const cv::Mat& indices, const std::vector<png_color>& palette, const FileBytes& alpha) {
  return written_png(indices, 8, PNG_COLOR_TYPE_PALETTE, PNG_INTERLACE_NONE, [&](png_structp png, png_infop info) {
    png_set_PLTE(png, info, palette.data(), static_cast<int>(palette.size()));
    png_set_tRNS(png, info, alpha.data(), static_cast<int>(alpha.size()), nullptr);
    png_write_info(png, info);
    for (int y = 0; y < indices.rows; ++y) png_write_row(png, indices.ptr(y));
  });
}

/// A PNG of 16 bits: grey, grey and alpha, RGB or RGBA by its channels; in seven passes.
FileBytes interlaced_png(const cv::Mat& deep) {
  constexpr int kinds[] = {PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_GRAY_ALPHA, PNG_COLOR_TYPE_RGB,
                           PNG_COLOR_TYPE_RGB_ALPHA};
  return written_png(deep, 16, kinds[deep.channels() - 1], PNG_INTERLACE_ADAM7, [&](png_structp png, png_infop info) {
    png_write_info(png, info);
    png_set_swap(png);
    const int passes = png_set_interlace_handling(png);
    for (int pass = 0; pass < passes; ++pass)
      for (int y = 0; y < deep.rows; ++y) png_write_row(png, deep.ptr(y));
  });
}

/// A PNG chunk put before the pixel data.
FileBytes with_png_chunk(const FileBytes& png, const std::string& name, const FileBytes& data) {
  FileBytes body(name.begin(), name.end());
  append(body, data);
  uint32_t crc = 0xffffffff;
  for (const unsigned char byte : body) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
  }
  const auto big_endian = [](uint32_t value) {
    FileBytes bytes = little_endian(value, 4);
    std::reverse(bytes.begin(), bytes.end());
    return bytes;
  };
  FileBytes out(png.begin(), png.begin() + 33);  // signature and IHDR
  append(out, big_endian(static_cast<uint32_t>(data.size())));
  append(out, body);
  append(out, big_endian(~crc));
  out.insert(out.end(), png.begin() + 33, png.end());
  return out;
}

struct TiffStyle {
  int photometric = PHOTOMETRIC_RGB, orientation = 1, bits = 8;
  std::vector<uint16_t> extra = {};  // what the samples beyond the colours are
  bool planes = false;
  int tile = 0;                        // its side
  std::vector<uint16_t> palette = {};  // red, then green, then blue
};

/// A TIFF of the samples as they are (u8, or u16 of which the lowest bits count where there are more or fewer than 8).
FileBytes tiff(const TemporaryFolder& folder, const cv::Mat& samples, const TiffStyle& style) {
  const auto path = folder.path() / "made.tif";
  TIFF* file = TIFFOpen(path.c_str(), "w");
  const int channels = samples.channels(), planes = style.planes ? channels : 1, in_row = channels / planes;
  TIFFSetField(file, TIFFTAG_IMAGEWIDTH, samples.cols);
  TIFFSetField(file, TIFFTAG_IMAGELENGTH, samples.rows);
  TIFFSetField(file, TIFFTAG_BITSPERSAMPLE, style.bits);
  TIFFSetField(file, TIFFTAG_SAMPLESPERPIXEL, channels);
  TIFFSetField(file, TIFFTAG_PHOTOMETRIC, style.photometric);
  TIFFSetField(file, TIFFTAG_PLANARCONFIG, style.planes ? PLANARCONFIG_SEPARATE : PLANARCONFIG_CONTIG);
  TIFFSetField(file, TIFFTAG_ORIENTATION, style.orientation);
  TIFFSetField(file, TIFFTAG_COMPRESSION, COMPRESSION_LZW);
  if (!style.extra.empty()) TIFFSetField(file, TIFFTAG_EXTRASAMPLES, style.extra.size(), style.extra.data());
  if (const size_t n = style.palette.size() / 3)
    TIFFSetField(file, TIFFTAG_COLORMAP, &style.palette[0], &style.palette[n], &style.palette[2 * n]);
  const auto packed = [&](int top, int left, int height, int width, int plane) {  // rows of whole bytes
    FileBytes bytes;
    for (int y = top; y < top + height; ++y) {
      FileBytes row((static_cast<size_t>(width * in_row * style.bits) + 7) / 8);
      for (int i = 0; i < width * in_row; ++i) {
        const int x = left + i / in_row, c = plane * in_row * style.planes + i % in_row;
        const bool inside = y < samples.rows && x < samples.cols;
        const unsigned value = !inside                    ? 0u
                               : samples.depth() == CV_8U ? samples.ptr(y)[x * channels + c]
                                                          : samples.ptr<uint16_t>(y)[x * channels + c];
        if (style.bits == 16) {
          std::memcpy(&row[static_cast<size_t>(2 * i)], &value, 2);
          continue;
        }
        for (int bit = 0; bit < style.bits; ++bit) {
          const auto at = static_cast<size_t>(i * style.bits + bit);
          if (value >> (style.bits - 1 - bit) & 1) row[at / 8] |= static_cast<unsigned char>(128 >> at % 8);
        }
      }
      append(bytes, row);
    }
    return bytes;
  };
  if (style.tile > 0) {
    TIFFSetField(file, TIFFTAG_TILEWIDTH, style.tile);
    TIFFSetField(file, TIFFTAG_TILELENGTH, style.tile);
    for (int plane = 0; plane < planes; ++plane)
      for (int y = 0; y < samples.rows; y += style.tile)
        for (int x = 0; x < samples.cols; x += style.tile) {
          FileBytes bytes = packed(y, x, style.tile, style.tile, plane);
          TIFFWriteTile(file, bytes.data(), static_cast<uint32_t>(x), static_cast<uint32_t>(y), 0,
                        static_cast<uint16_t>(plane));
        }
  } else {
    TIFFSetField(file, TIFFTAG_ROWSPERSTRIP, 4);
    for (int plane = 0; plane < planes; ++plane)
      for (int y = 0; y < samples.rows; ++y) {
        FileBytes bytes = packed(y, 0, 1, samples.cols, plane);
        TIFFWriteScanline(file, bytes.data(), static_cast<uint32_t>(y), static_cast<uint16_t>(plane));
      }
  }
  TIFFClose(file);
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// A TIFF of RGB or RGBA with an orientation.
FileBytes tiff(const TemporaryFolder& folder, const cv::Mat& picture, int orientation) {
  cv::Mat pixels;
  cv::cvtColor(picture, pixels, picture.channels() == 4 ? cv::COLOR_BGRA2RGBA : cv::COLOR_BGR2RGB);
  TiffStyle style;
  style.orientation = orientation;
  if (pixels.channels() == 4) style.extra = {EXTRASAMPLE_UNASSALPHA};
  return tiff(folder, pixels, style);
}

struct BmpStyle {
  int bits = 24, header = 40;
  uint32_t compression = 0;
  bool top_down = false;
  std::vector<uint32_t> masks = {};  // red, green, blue, alpha
  std::vector<uint32_t> palette = {};
};

/// A BMP of rows as they are stored.
FileBytes bmp(int width, int height, const FileBytes& rows, const BmpStyle& style) {
  FileBytes masks, palette;
  for (const uint32_t mask : style.masks) append(masks, little_endian(mask, 4));
  for (const uint32_t colour : style.palette) append(palette, little_endian(colour, 4));
  if (style.header > 40) masks.resize(static_cast<size_t>(style.header) - 40);
  FileBytes bytes{'B', 'M'};
  const auto put = [&](size_t value, int size) { append(bytes, little_endian(static_cast<uint32_t>(value), size)); };
  const size_t offset = 54 + masks.size() + palette.size();
  put(offset + rows.size(), 4), put(0, 4), put(offset, 4);
  put(static_cast<size_t>(style.header), 4), put(static_cast<size_t>(width), 4);
  put(static_cast<size_t>(style.top_down ? -height : height), 4), put(1, 2), put(static_cast<size_t>(style.bits), 2);
  put(style.compression, 4), put(rows.size(), 4), put(0, 8), put(style.palette.size(), 4), put(0, 4);
  append(bytes, masks);
  append(bytes, palette);
  append(bytes, rows);
  return bytes;
}

class PictureTest : public ::testing::Test {
 protected:
  Picture read(const FileBytes& bytes, int reduce_to = 0) {
    return read_picture(folder_.write("picture", bytes), reduce_to);
  }

  /// What read_picture() says about the bytes, "" when it reads them; nothing may reach stderr.
  std::string refusal(const FileBytes& bytes) {
    const auto path = folder_.write("picture", bytes);
    std::string said;
    ::testing::internal::CaptureStderr();
    try {
      read_picture(path);
    } catch (const InputError& error) {
      said = error.what();
      EXPECT_THAT(said, StartsWith(path.string() + ": "));
      EXPECT_EQ(said.find('\n'), std::string::npos);
    }
    EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
    return said;
  }

  /// Small files of every format and several kinds.
  std::vector<std::pair<std::string, FileBytes>> samples() {
    cv::Mat noise(40, 50, CV_8UC3);
    cv::randu(noise, 0, 256);
    return {{"JPEG", jpeg(noise)},
            {"progressive JPEG", jpeg(noise, {.exif = {}, .progressive = true})},
            {"grey JPEG", jpeg(cv::Mat(noise.reshape(1)))},
            {"PNG", encoded(".png", noise)},
            {"GIF", animated_gif(false)},
            {"interlaced GIF", animated_gif(true)},
            {"lossy WebP", encoded(".webp", noise, {cv::IMWRITE_WEBP_QUALITY, 80})},
            {"lossless WebP", encoded(".webp", noise, {cv::IMWRITE_WEBP_QUALITY, 101})},
            {"animated WebP", animated_webp()},
            {"TIFF", tiff(folder_, noise, 1)},
            {"BMP", encoded(".bmp", noise)}};
  }

  /// Bytes of a sample behind its last pixel.
  static size_t end_mark(const std::string& format) {
    return format.ends_with("JPEG") || format == "BMP" ? 2 : format.ends_with("GIF") ? 1 : format == "PNG" ? 12 : 0;
  }

  TemporaryFolder folder_;
};

TEST_F(PictureTest, LosslessFormatsKeepEveryPixel) {
  const cv::Mat picture = gradient(37, 23);
  for (const auto& bytes : {encoded(".png", picture), encoded(".bmp", picture), tiff(folder_, picture, 1),
                            encoded(".webp", picture, {cv::IMWRITE_WEBP_QUALITY, 101})}) {
    const auto read_back = read(bytes);
    EXPECT_EQ(read_back.full, picture.size());
    EXPECT_EQ(read_back.pixels.type(), CV_8UC3);
    EXPECT_EQ(difference(read_back.pixels, picture), 0);
  }
}

TEST_F(PictureTest, JpegsKeepPixelsNearly) {
  const cv::Mat picture = gradient(70, 50);
  for (const bool progressive : {false, true})
    EXPECT_LE(difference(read(jpeg(picture, {.exif = {}, .progressive = progressive})).pixels, picture), 12);
}

TEST_F(PictureTest, ContentDecidesNotTheName) {
  const cv::Mat picture = gradient(9, 7);
  EXPECT_EQ(difference(read_picture(folder_.write("png.jpg", encoded(".png", picture))).pixels, picture), 0);
  EXPECT_EQ(read_picture(folder_.write("jpeg.gif", jpeg(picture))).full, picture.size());
}

TEST_F(PictureTest, NamesMayHoldAnyBytes) {
  const cv::Mat picture = gradient(9, 7);
  for (const std::string name : {"пёс.png", "\xff\xfe\x80.png", "new\nline.png", "-dash [1].png"})
    EXPECT_EQ(read_picture(folder_.write(name, encoded(".png", picture))).full, picture.size()) << name;
}

TEST_F(PictureTest, SixteenBitsBecomeEight) {
  const cv::Mat picture = gradient(31, 17);
  cv::Mat deep;
  picture.convertTo(deep, CV_16U, 257);
  EXPECT_EQ(difference(read(encoded(".png", deep)).pixels, picture), 0);
  EXPECT_LE(difference(read(encoded(".tiff", deep)).pixels, picture), 1);
}

TEST_F(PictureTest, InterlacedPngsOfSixteenBitsAreRead) {
  const cv::Mat picture = gradient(31, 17);
  cv::Mat rgb, deep, grey;
  cv::cvtColor(picture, rgb, cv::COLOR_BGR2RGB);
  rgb.convertTo(deep, CV_16U, 257);
  EXPECT_EQ(difference(read(interlaced_png(deep)).pixels, picture), 0);
  cv::Mat clear = cv::Mat(picture.size(), CV_16UC4, cv::Scalar(0, 0, 0, 0));
  EXPECT_EQ(difference(read(interlaced_png(clear)).pixels, cv::Mat(picture.size(), CV_8UC3, cv::Scalar::all(255))), 0);
  cv::extractChannel(deep, grey, 1);
  cv::Mat expected, channel;
  cv::extractChannel(picture, channel, 1);
  cv::cvtColor(channel, expected, cv::COLOR_GRAY2BGR);
  EXPECT_EQ(difference(read(interlaced_png(grey)).pixels, expected), 0);
}

TEST_F(PictureTest, HalfTransparentPngsAreMixedAsBrowsersDo) {
  const auto pixels = read(encoded(".png", bgra_of({0, 100, 200, 128}, 3, 2))).pixels;
  EXPECT_LE(difference(pixels, cv::Mat(2, 3, CV_8UC3, cv::Scalar(127, 177, 227))), 1);
}

TEST_F(PictureTest, TiffsOfAnyDepthAreScaledToTheirWholeRange) {
  for (const int bits : {1, 2, 4, 8, 10, 12, 14, 16}) {
    const int most = (1 << bits) - 1;
    cv::Mat samples(3, 5, CV_16UC1);
    cv::Mat expected(3, 5, CV_8UC3);
    for (int i = 0; i < 15; ++i) {
      const int value = most * i / 14, level = (value * 255 + most / 2) / most;
      samples.at<uint16_t>(i / 5, i % 5) = static_cast<uint16_t>(value);
      expected.at<cv::Vec3b>(i / 5, i % 5) = cv::Vec3b::all(static_cast<unsigned char>(level));
    }
    TiffStyle style{.photometric = PHOTOMETRIC_MINISBLACK, .bits = bits};
    EXPECT_EQ(difference(read(tiff(folder_, samples, style)).pixels, expected), 0) << bits;
    style.photometric = PHOTOMETRIC_MINISWHITE;
    EXPECT_EQ(difference(read(tiff(folder_, samples, style)).pixels, cv::Scalar::all(255) - expected), 0) << bits;
  }
}

TEST_F(PictureTest, TiffSamplesThatAreNoAlphaAreLeftOut) {
  const cv::Mat picture = gradient(37, 21);
  cv::Mat rgb, more[5], samples;
  cv::cvtColor(picture, rgb, cv::COLOR_BGR2RGB);
  cv::split(rgb, more);
  more[3] = cv::Mat(picture.size(), CV_8UC1, cv::Scalar(40));  // near infrared
  more[4] = cv::Mat(picture.size(), CV_8UC1, cv::Scalar(0));   // alpha, or not
  for (const bool planes : {false, true})
    for (const int tile : {0, 16}) {
      TiffStyle style{.extra = {EXTRASAMPLE_UNSPECIFIED}, .planes = planes, .tile = tile};
      cv::merge(more, 4, samples);
      EXPECT_EQ(difference(read(tiff(folder_, samples, style)).pixels, picture), 0) << planes << tile;
      cv::merge(more, 5, samples);
      style.extra = {EXTRASAMPLE_UNSPECIFIED, EXTRASAMPLE_UNSPECIFIED};
      EXPECT_EQ(difference(read(tiff(folder_, samples, style)).pixels, picture), 0) << planes << tile;
      style.extra = {EXTRASAMPLE_UNSPECIFIED, EXTRASAMPLE_UNASSALPHA};
      EXPECT_EQ(difference(read(tiff(folder_, samples, style)).pixels,
                           cv::Mat(picture.size(), CV_8UC3, cv::Scalar::all(255))),
                0);
    }
}

TEST_F(PictureTest, TiffsOfGreyPaletteAndInkWithAlphaLieOnWhite) {
  const auto pixel = [&](const cv::Mat& samples, const TiffStyle& style) {
    return read(tiff(folder_, samples, style)).pixels.at<cv::Vec3b>(0, 0);
  };
  EXPECT_EQ(pixel(cv::Mat(2, 2, CV_8UC2, cv::Scalar(200, 128)),
                  {.photometric = PHOTOMETRIC_MINISBLACK, .extra = {EXTRASAMPLE_UNASSALPHA}}),
            cv::Vec3b::all(227));
  EXPECT_EQ(pixel(cv::Mat(2, 2, CV_8UC2, cv::Scalar(100, 128)),
                  {.photometric = PHOTOMETRIC_MINISBLACK, .extra = {EXTRASAMPLE_ASSOCALPHA}}),
            cv::Vec3b::all(227));
  EXPECT_EQ(pixel(cv::Mat(2, 2, CV_16UC2, cv::Scalar(200 * 257, 128 * 257)),
                  {.photometric = PHOTOMETRIC_MINISBLACK, .bits = 16, .extra = {EXTRASAMPLE_UNASSALPHA}}),
            cv::Vec3b::all(227));
  EXPECT_EQ(pixel(cv::Mat(2, 2, CV_16UC4, cv::Scalar(51 * 257, 153 * 257, 0, 26 * 257)),
                  {.photometric = PHOTOMETRIC_SEPARATED, .bits = 16}),
            cv::Vec3b(229, 92, 183));
  TiffStyle palette{
      .photometric = PHOTOMETRIC_PALETTE,
      .bits = 2,
      .palette = {0, 10 << 8, 20 << 8, 30 << 8, 0, 40 << 8, 50 << 8, 60 << 8, 0, 70 << 8, 80 << 8, 90 << 8}};
  EXPECT_EQ(pixel(cv::Mat(2, 2, CV_8UC1, cv::Scalar(2)), palette), cv::Vec3b(80, 50, 20));
}

TEST_F(PictureTest, BitmapsOfEveryLayoutAreRead) {
  const auto pixels = [&](int width, int height, const FileBytes& rows, const BmpStyle& style) {
    return read(bmp(width, height, rows, style)).pixels;
  };
  const cv::Vec3b red(0, 0, 255), blue(255, 0, 0), white = cv::Vec3b::all(255);
  const FileBytes two_rows{0, 0, 255, 0, 255, 0, 0, 0};  // red, then blue, of one pixel each
  EXPECT_EQ(pixels(1, 2, two_rows, {}).at<cv::Vec3b>(1, 0), red);
  EXPECT_EQ(pixels(1, 2, two_rows, {.top_down = true}).at<cv::Vec3b>(0, 0), red);
  EXPECT_EQ(pixels(2, 1, {0, 0x7c, 0xff, 0x7f}, {.bits = 16}).at<cv::Vec3b>(0, 0), red);
  EXPECT_EQ(pixels(2, 1, {0, 0x7c, 0xff, 0x7f}, {.bits = 16}).at<cv::Vec3b>(0, 1), white);
  EXPECT_EQ(pixels(2, 1, {0, 0xf8, 0x1f, 0}, {.bits = 16, .compression = 3, .masks = {0xf800, 0x7e0, 0x1f}})
                .at<cv::Vec3b>(0, 0),
            red);
  EXPECT_EQ(pixels(1, 1, {255, 0, 0, 0}, {.bits = 32, .compression = 3, .masks = {0xff, 0xff00, 0xff0000}})
                .at<cv::Vec3b>(0, 0),
            red);
  EXPECT_EQ(pixels(1, 1, {0, 0, 0xf0, 0x3f}, {.bits = 32, .compression = 3, .masks = {0x3ff00000, 0xffc00, 0x3ff}})
                .at<cv::Vec3b>(0, 0),
            red);
  const BmpStyle alpha{.bits = 32, .header = 56, .compression = 3, .masks = {0xff0000, 0xff00, 0xff, 0xff000000}};
  EXPECT_EQ(pixels(2, 1, {0, 0, 255, 255, 0, 0, 255, 0}, alpha).at<cv::Vec3b>(0, 0), red);
  EXPECT_EQ(pixels(2, 1, {0, 0, 255, 255, 0, 0, 255, 0}, alpha).at<cv::Vec3b>(0, 1), white);
  EXPECT_EQ(pixels(1, 1, {0, 0, 255, 0}, alpha).at<cv::Vec3b>(0, 0), red);  // alpha that nobody has written
  EXPECT_EQ(pixels(1, 1, {0, 0, 255, 7}, {.bits = 32}).at<cv::Vec3b>(0, 0), red);
  EXPECT_EQ(pixels(3, 1, {0x1b, 0, 0, 0}, {.bits = 2, .palette = {0, 0xff0000, 0xff, 0xffffff}}).at<cv::Vec3b>(0, 1),
            red);
}

TEST_F(PictureTest, RunLengthsOfBitmapsAreRead) {
  const std::vector<uint32_t> palette{0, 0xff0000, 0xff, 0x808080};
  const cv::Vec3b black(0, 0, 0), red(0, 0, 255), blue(255, 0, 0), white = cv::Vec3b::all(255);
  // The lower row: two red, three literal, padded; then on by (1, 0), a red one. The upper row: one blue, the rest left out.
  const FileBytes codes{2, 1, 0, 3, 1, 2, 0, 0, 0, 2, 1, 0, 1, 1, 0, 0, 1, 2, 0, 1};
  const BmpStyle style{.bits = 8, .compression = 1, .palette = palette};
  const cv::Mat picture = read(bmp(7, 2, codes, style)).pixels;
  const cv::Vec3b lower[] = {red, red, red, blue, black, white, red},
                  upper[] = {blue, white, white, white, white, white, white};
  for (int x = 0; x < 7; ++x) {
    EXPECT_EQ(picture.at<cv::Vec3b>(1, x), lower[x]) << x;
    EXPECT_EQ(picture.at<cv::Vec3b>(0, x), upper[x]) << x;
  }
  // Nibbles: two of red and blue by turns, then three literal ones.
  const cv::Mat nibbles =
      read(bmp(5, 1, {2, 0x12, 0, 3, 0x12, 0x10, 0, 1}, {.bits = 4, .compression = 2, .palette = palette})).pixels;
  const cv::Vec3b row[] = {red, blue, red, blue, red};
  for (int x = 0; x < 5; ++x) EXPECT_EQ(nibbles.at<cv::Vec3b>(0, x), row[x]) << x;
  // Codes that run out of the picture stay within it; those that end too early are noticed.
  EXPECT_EQ(refusal(bmp(2, 1, {200, 1, 0, 2, 250, 250, 9, 1, 0, 1}, style)), "");
  EXPECT_THAT(refusal(bmp(7, 2, {2, 1, 0, 0, 1}, style)), HasSubstr("cut short"));
  EXPECT_THAT(refusal(bmp(7, 2, {2, 1, 0, 200, 1}, style)), HasSubstr("cut short"));
}

TEST_F(PictureTest, GifFramesLargerThanTheScreenAreShownWhole) {
  FileBytes bytes = animated_gif(false);
  const cv::Mat frame = gif_first_frame()(cv::Rect(0, 0, 14, 10));
  bytes[6] = 5, bytes[8] = 3;  // the screen
  EXPECT_EQ(difference(read(bytes).pixels, frame), 0);
  bytes.insert(bytes.end() - 1, {0, 0, 0});  // zeros before the end, as some writers leave them
  EXPECT_EQ(difference(read(bytes).pixels, frame), 0);
}

TEST_F(PictureTest, GreyBecomesColour) {
  cv::Mat grey(5, 6, CV_8UC1, cv::Scalar(77));
  for (const auto& bytes : {encoded(".png", grey), jpeg(grey), encoded(".bmp", grey), encoded(".tiff", grey)})
    EXPECT_LE(difference(read(bytes).pixels, cv::Mat(5, 6, CV_8UC3, cv::Scalar::all(77))), 1);
}

TEST_F(PictureTest, TransparentPicturesLieOnWhite) {
  const cv::Mat half = bgra_of({0, 100, 200, 0}, 4, 3), solid = bgra_of({0, 100, 200, 255}, 4, 3);
  for (const auto& [alpha_0, alpha_255] : {std::pair{encoded(".png", half), encoded(".png", solid)},
                                           std::pair{riff_webp(webp_pixels(half)), riff_webp(webp_pixels(solid))},
                                           std::pair{tiff(folder_, half, 1), tiff(folder_, solid, 1)}}) {
    EXPECT_EQ(difference(read(alpha_0).pixels, cv::Mat(3, 4, CV_8UC3, cv::Scalar::all(255))), 0);
    EXPECT_EQ(difference(read(alpha_255).pixels, cv::Mat(3, 4, CV_8UC3, cv::Scalar(0, 100, 200))), 0);
  }
}

TEST_F(PictureTest, PalettesAreLookedUpAndTheirTransparencyLiesOnWhite) {
  cv::Mat indices = (cv::Mat_<unsigned char>(1, 3) << 0, 1, 2);
  const auto pixels = read(indexed_png(indices, {{10, 20, 30}, {40, 50, 60}, {70, 80, 90}}, {255, 0, 255})).pixels;
  EXPECT_EQ(pixels.at<cv::Vec3b>(0, 0), cv::Vec3b(30, 20, 10));
  EXPECT_EQ(pixels.at<cv::Vec3b>(0, 1), cv::Vec3b(255, 255, 255));
  EXPECT_EQ(pixels.at<cv::Vec3b>(0, 2), cv::Vec3b(90, 80, 70));
}

TEST_F(PictureTest, CmykJpegsGiveTheirColoursWithAndWithoutAdobesMarker) {
  // Ink of 20 % cyan, 60 % magenta, 0 yellow, 10 % black: light of (.8, .4, 1) times .9.
  const cv::Mat light(16, 16, CV_8UC4, cv::Scalar(204, 102, 255, 229));
  const cv::Mat expected(16, 16, CV_8UC3, cv::Scalar(229, 92, 183));
  for (const bool marker : {false, true})
    EXPECT_LE(difference(read(jpeg(light, {.exif = {}, .adobe_marker = marker, .stored = JCS_CMYK})).pixels, expected),
              4);
  EXPECT_LE(difference(read(jpeg(light, {.exif = {}, .stored = JCS_YCCK})).pixels, expected), 6);
}

TEST_F(PictureTest, AnimationsGiveTheirFirstFrame) {
  EXPECT_EQ(difference(read(animated_gif(false)).pixels, gif_first_frame()), 0);
  EXPECT_EQ(difference(read(animated_gif(true)).pixels, gif_first_frame()), 0);

  cv::Mat expected(10, 20, CV_8UC3, cv::Scalar::all(255));
  expected(cv::Rect(6, 2, 8, 4)).setTo(cv::Scalar(127, 127, 255));
  EXPECT_EQ(difference(read(animated_webp()).pixels, expected), 0);
}

TEST_F(PictureTest, EveryOrientationComesOutUpright) {
  const cv::Mat picture = gradient(48, 32);
  for (int orientation = 1; orientation <= 8; ++orientation) {
    SCOPED_TRACE(orientation);
    const cv::Mat stored = stored_as(picture, orientation);
    for (const bool big_endian : {false, true}) {
      const auto upright = read(jpeg(stored, {.exif = exif(orientation, big_endian)}));
      EXPECT_EQ(upright.full, picture.size());
      EXPECT_LE(difference(upright.pixels, picture), 12);
    }
    const auto png = with_png_chunk(encoded(".png", stored), "eXIf", exif(orientation, true, false));
    EXPECT_EQ(difference(read(png).pixels, picture), 0);
    EXPECT_EQ(difference(read(tiff(folder_, stored, orientation)).pixels, picture), 0);
    cv::Mat bgra;
    cv::cvtColor(stored, bgra, cv::COLOR_BGR2BGRA);
    FileBytes chunks = vp8x(0x08, stored.cols, stored.rows);
    append(chunks, webp_pixels(bgra));
    append(chunks, chunk("EXIF", exif(orientation)));
    EXPECT_EQ(difference(read(riff_webp(chunks)).pixels, picture), 0);
  }
}

TEST_F(PictureTest, DamagedExifLeavesThePictureAsStored) {
  const cv::Mat picture = gradient(16, 8);
  for (const int orientation : {0, 9, 200})
    EXPECT_EQ(read(jpeg(picture, {.exif = exif(orientation)})).full, picture.size());
  FileBytes lying = exif(6);
  lying[10] = 0xff;  // the directory lies far outside
  EXPECT_EQ(read(jpeg(picture, {.exif = lying})).full, picture.size());
}

TEST_F(PictureTest, ReducedDecodingKeepsBothSidesLongEnough) {
  const auto bytes = jpeg(gradient(1000, 600), {.exif = exif(6)});  // upright 600x1000
  for (const auto& [reduce_to, expected] : {std::pair{0, cv::Size(600, 1000)},
                                            {301, cv::Size(600, 1000)},
                                            {300, cv::Size(300, 500)},
                                            {150, cv::Size(150, 250)},
                                            {1, cv::Size(75, 125)}}) {
    const auto picture = read(bytes, reduce_to);
    EXPECT_EQ(picture.pixels.size(), expected) << reduce_to;
    EXPECT_EQ(picture.full, cv::Size(600, 1000));
  }
  EXPECT_EQ(read(jpeg(gradient(3, 9000)), 260).pixels.size(), cv::Size(3, 9000));
}

TEST_F(PictureTest, OddSizesAreRead) {
  for (const auto size : {cv::Size(1, 1), cv::Size(1, 20000), cv::Size(20000, 1)}) {
    const cv::Mat picture = gradient(size.width, size.height);
    for (const auto& bytes : {encoded(".png", picture), jpeg(picture), encoded(".bmp", picture)})
      EXPECT_EQ(read(bytes).pixels.size(), size);
  }
  EXPECT_EQ(read(jpeg(cv::Mat(5000, 6000, CV_8UC3, cv::Scalar(1, 2, 3))), 260).pixels.size(), cv::Size(750, 625));
}

TEST_F(PictureTest, BytesBehindTheEndAreNoFault) {
  const cv::Mat picture = gradient(20, 20);
  for (auto bytes : {encoded(".png", picture), jpeg(picture), encoded(".bmp", picture), animated_gif(false)}) {
    append(bytes, FileBytes(1000, 'x'));
    EXPECT_EQ(refusal(bytes), "");
  }
}

TEST_F(PictureTest, FilesCutAnywhereBeforeTheirEndMarkAreRefusedSilently) {
  for (const auto& [format, bytes] : samples()) {
    SCOPED_TRACE(format);
    EXPECT_EQ(refusal(bytes), "");
    const size_t body = bytes.size() - end_mark(format), step = std::max<size_t>(body / 30, 1), last = body - 12;
    for (size_t length = 0; length < body; length = length + step < last ? length + step : std::max(length + 1, last))
      EXPECT_NE(refusal(FileBytes(bytes.begin(), bytes.begin() + static_cast<long>(length))), "")
          << length << " of " << body;
  }
}

TEST_F(PictureTest, FilesThatLackNothingButTheirEndMarkAreRead) {
  for (const auto& [format, bytes] : samples()) {
    const cv::Mat whole = read(bytes).pixels;
    for (size_t missing = 1; missing <= end_mark(format); ++missing) {
      FileBytes cut = bytes;
      cut.resize(bytes.size() - missing);
      EXPECT_EQ(difference(read(cut).pixels, whole), 0) << format << " without its last " << missing;
    }
  }
}

TEST_F(PictureTest, FilesWhoseEndWasReservedButNeverWrittenAreRefused) {
  cv::Mat noise(150, 200, CV_8UC3);
  cv::randu(noise, 0, 255);
  for (const auto& [format, whole] :
       std::map<std::string, FileBytes>{{"jpg", jpeg(noise)},
                                        {"webp", encoded(".webp", noise, {cv::IMWRITE_WEBP_QUALITY, 80})},
                                        {"lossless webp", encoded(".webp", noise, {cv::IMWRITE_WEBP_QUALITY, 101})},
                                        {"png", encoded(".png", noise)}})
    for (const double written : {0.3, 0.6, 0.95}) {
      FileBytes bytes = whole;
      std::fill(bytes.begin() + static_cast<long>(written * static_cast<double>(bytes.size())), bytes.end(), 0);
      EXPECT_THAT(refusal(bytes), HasSubstr("not a whole")) << format << " " << written;
    }
  const FileBytes black = encoded(".bmp", cv::Mat::zeros(150, 200, CV_8UC3));
  EXPECT_EQ(refusal(black), "");  // black pixels are NUL bytes, too
}

TEST_F(PictureTest, DamagedFilesAreReadOrRefusedSilently) {
  std::mt19937 generator(7);
  int refused = 0;
  for (const auto& [format, bytes] : samples()) {
    SCOPED_TRACE(format);
    for (int round = 0; round < 40; ++round) {
      FileBytes damaged = bytes;
      const size_t reach = round % 2 ? std::min<size_t>(64, bytes.size()) : bytes.size();  // headers more often
      for (int i = 0; i < 3; ++i) damaged[generator() % reach] = static_cast<unsigned char>(generator());
      refused += !refusal(damaged).empty();
    }
  }
  EXPECT_GT(refused, 70);
}

TEST_F(PictureTest, SaysWhyAFileIsNotAPicture) {
  EXPECT_THAT(refusal({}), HasSubstr("empty file"));
  EXPECT_THAT(refusal({'h', 'e', 'l', 'l', 'o'}), HasSubstr("not a picture"));
  EXPECT_THAT(refusal({'B', 'M', 'W'}), HasSubstr("cut short"));
  EXPECT_THROW(read_picture(folder_.path() / "missing.jpg"), InputError);
  EXPECT_THROW(read_picture(folder_.path()), InputError);
  EXPECT_THROW(read_picture("/dev/zero"), InputError);
  const auto pipe = folder_.path() / "pipe.jpg";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_THROW(read_picture(pipe), InputError);
}

TEST_F(PictureTest, UnreadableFilesAreRefused) {
  const auto path = folder_.write("secret.png", encoded(".png", gradient(4, 4)));
  ::chmod(path.c_str(), 0);
  const WithoutPrivileges ordinary_user;
  EXPECT_THROW(read_picture(path), InputError);
}

TEST_F(PictureTest, DecompressionBombsAreRefusedByTheirHeader) {
  const auto patched = [](FileBytes bytes, size_t at, const FileBytes& value) {
    std::copy(value.begin(), value.end(), bytes.begin() + static_cast<long>(at));
    return bytes;
  };
  const cv::Mat tiny = gradient(8, 8);
  FileBytes png(encoded(".png", tiny)), header{'I', 'H', 'D', 'R', 0, 1, 0, 0, 0, 1, 0, 0, 8, 2, 0, 0, 0};
  FileBytes big_png(png.begin(), png.begin() + 8);
  {  // a whole new IHDR, so that its checksum holds
    FileBytes with = with_png_chunk(png, "IHDR", FileBytes(header.begin() + 4, header.end()));
    big_png.insert(big_png.end(), with.begin() + 33, with.end());
  }
  EXPECT_THAT(refusal(big_png), HasSubstr("too large (65536x65536"));

  FileBytes jpg = jpeg(tiny);
  const FileBytes frame_header{0xff, 0xc0};
  const auto at = std::search(jpg.begin(), jpg.end(), frame_header.begin(), frame_header.end()) - jpg.begin();
  EXPECT_THAT(refusal(patched(jpg, static_cast<size_t>(at) + 5, {0xff, 0, 0xff, 0})),
              HasSubstr("too large (65280x65280"));

  EXPECT_THAT(refusal(patched(animated_gif(false), 6, {0xff, 0xff, 0xff, 0xff})), HasSubstr("too large (65535x65535"));
  EXPECT_THAT(refusal(patched(animated_webp(), 24, {0xfe, 0xff, 0, 0xfe, 0xff, 0})),
              HasSubstr("too large (65535x65535"));
  EXPECT_THAT(refusal(patched(encoded(".bmp", tiny), 18, {0, 0, 1, 0, 0, 0, 1, 0})),
              HasSubstr("too large (65536x65536"));

  const auto path = folder_.write("ten.png", encoded(".png", gradient(10, 10)));
  EXPECT_NO_THROW(read_picture(path, 0, {.max_pixels = 100}));
  EXPECT_THROW(read_picture(path, 0, {.max_pixels = 99}), InputError);
}

TEST_F(PictureTest, ScansCostNoMoreThanThePictureWarrants) {
  // Grey, 8192x8192: one scan of DC, then many of AC, each a few bytes that say "nothing more in the next 32767 blocks".
  const int side = 8192, blocks = side / 8 * side / 8;
  FileBytes bytes{0xff, 0xd8, 0xff, 0xdb, 0, 67, 0};
  bytes.insert(bytes.end(), 64, 1);
  append(bytes, {0xff, 0xc2, 0, 11, 8, side >> 8, side & 255, side >> 8, side & 255, 1, 1, 0x11, 0});
  for (const unsigned char table : {0x00, 0x10}) {  // one code of one bit: 0, and a run of ends of blocks
    append(bytes, {0xff, 0xc4, 0, 20, table, 1});
    bytes.insert(bytes.end(), 15, 0);
    bytes.push_back(table ? 0xe0 : 0);
  }
  append(bytes, {0xff, 0xda, 0, 8, 1, 1, 0, 0, 0, 0});
  bytes.insert(bytes.end(), static_cast<size_t>(blocks) / 8, 0);
  FileBytes scan{0xff, 0xda, 0, 8, 1, 1, 0, 1, 63, 0};
  scan.insert(scan.end(), 128, 0);
  for (int i = 0; i < 300; ++i) append(bytes, scan);
  append(bytes, {0xff, 0xd9});
  EXPECT_THAT(refusal(bytes), HasSubstr("than its size warrants"));
}

TEST_F(PictureTest, ProgressiveJpegsThatLackAScanAreRefused) {
  cv::Mat noise(40, 50, CV_8UC3);
  cv::randu(noise, 0, 256);
  FileBytes bytes = jpeg(noise, {.exif = {}, .progressive = true});
  const FileBytes scan{0xff, 0xda};
  bytes.erase(std::find_end(bytes.begin(), bytes.end(), scan.begin(), scan.end()),
              bytes.end());  // cut where a scan begins
  EXPECT_THAT(refusal(bytes), HasSubstr("cut short"));
}

TEST_F(PictureTest, TilesMuchLargerThanThePictureAreRefused) {
  const cv::Mat dot(16, 16, CV_8UC3, cv::Scalar::all(9));
  EXPECT_EQ(refusal(tiff(folder_, dot, {.tile = 512})), "");
  FileBytes bytes = tiff(folder_, dot, {.tile = 16});
  for (size_t at = 0; at + 12 <= bytes.size(); ++at) {  // its tile, in the directory, made 20,000 x 20,000
    const FileBytes entry{0x42, 1, 3, 0};
    if (!std::equal(entry.begin() + 1, entry.end(), bytes.begin() + static_cast<long>(at) + 1)) continue;
    if (bytes[at] == 0x42 || bytes[at] == 0x43) bytes[at + 8] = 0x20, bytes[at + 9] = 0x4e;
  }
  EXPECT_THAT(refusal(bytes), HasSubstr("much larger than the picture"));
}

TEST_F(PictureTest, HeadersThatPromiseMoreThanTheFileCanHoldAreRefusedAtOnce) {
  const cv::Mat tiny = gradient(8, 8);
  FileBytes jpg = jpeg(tiny);
  const FileBytes frame_header{0xff, 0xc0};
  const auto at = std::search(jpg.begin(), jpg.end(), frame_header.begin(), frame_header.end());
  std::copy_n(FileBytes{0x3a, 0x98, 0x3a, 0x98}.begin(), 4, at + 5);  // 15,000 x 15,000
  EXPECT_THAT(refusal(jpg), HasSubstr("cut short"));
}

TEST_F(PictureTest, WhatIsNotReadIsCalledByItsName) {
  EXPECT_THAT(refusal({'8', 'B', 'P', 'S', 0, 1}),
              HasSubstr("Photoshop (PSD) is not read; convert it to JPEG or PNG first"));
  EXPECT_THAT(refusal({'<', 'h', 't', 'm', 'l', '>'}), HasSubstr("not a picture, but a web page (HTML)"));
  EXPECT_THAT(refusal(tiff(folder_, cv::Mat(4, 4, CV_16UC1, cv::Scalar(7)),
                           {.photometric = PHOTOMETRIC_MINISBLACK, .bits = 32})),
              HasSubstr("32-bit samples is not read"));
  FileBytes jpg = jpeg(gradient(8, 8));
  const FileBytes frame_header{0xff, 0xc0};
  const auto at = std::search(jpg.begin(), jpg.end(), frame_header.begin(), frame_header.end());
  at[4] = 12;
  EXPECT_THAT(refusal(jpg), HasSubstr("a 12-bit JPEG is not read"));
  at[1] = 0xc3;
  EXPECT_THAT(refusal(jpg), HasSubstr("a lossless JPEG (SOF3) is not read"));
}

TEST_F(PictureTest, TiffsThatHoldOtherFormatsAreCalledByTheirNames) {
  FileBytes file = tiff(folder_, gradient(4, 4), {.photometric = PHOTOMETRIC_RGB});
  ASSERT_EQ(file[0], 'I');
  const auto first = file[4] | file[5] << 8;
  for (int entry = 0; entry < (file[first] | file[first + 1] << 8); ++entry)
    if (unsigned char* at = &file[static_cast<size_t>(first + 2 + 12 * entry)];
        (at[0] | at[1] << 8) == TIFFTAG_COMPRESSION)
      at[8] = 34712 & 0xff, at[9] = 34712 >> 8;
  EXPECT_THAT(refusal(file), HasSubstr("a TIFF with JPEG 2000 in it is not read; convert it to JPEG or PNG first"));
}

TEST_F(PictureTest, ThumbnailsAndMasksBeforeThePictureArePassedOver) {
  const auto path = folder_.path() / "pages.tif";
  const cv::Mat picture = gradient(24, 16), thumbnail(4, 6, CV_8UC3, cv::Scalar(9, 9, 9));
  const auto write = [&](const std::vector<std::pair<const cv::Mat*, uint32_t>>& pages) {
    const std::unique_ptr<TIFF, decltype(&TIFFClose)> file(TIFFOpen(path.c_str(), "w"), TIFFClose);
    for (const auto& [pixels, kind] : pages) {
      cv::Mat rgb;
      cv::cvtColor(*pixels, rgb, cv::COLOR_BGR2RGB);
      TIFFSetField(file.get(), TIFFTAG_SUBFILETYPE, kind);
      TIFFSetField(file.get(), TIFFTAG_IMAGEWIDTH, rgb.cols);
      TIFFSetField(file.get(), TIFFTAG_IMAGELENGTH, rgb.rows);
      TIFFSetField(file.get(), TIFFTAG_BITSPERSAMPLE, 8);
      TIFFSetField(file.get(), TIFFTAG_SAMPLESPERPIXEL, 3);
      TIFFSetField(file.get(), TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_RGB);
      TIFFSetField(file.get(), TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG);
      for (int y = 0; y < rgb.rows; ++y) TIFFWriteScanline(file.get(), rgb.ptr(y), static_cast<uint32_t>(y));
      TIFFWriteDirectory(file.get());
    }
  };
  write({{&thumbnail, FILETYPE_REDUCEDIMAGE}, {&thumbnail, FILETYPE_MASK}, {&picture, 0}});
  EXPECT_EQ(difference(read_picture(path).pixels, picture), 0);
  write({{&thumbnail, FILETYPE_REDUCEDIMAGE}});  // all there is
  EXPECT_EQ(difference(read_picture(path).pixels, thumbnail), 0);
}

TEST_F(PictureTest, AFileThatShrinksWhileItIsReadIsAtWorstRefused) {
  cv::Mat noise(1500, 2000, CV_8UC3);
  cv::randu(noise, 0, 256);
  const FileBytes bytes = encoded(".png", noise, {cv::IMWRITE_PNG_COMPRESSION, 0});
  const auto path = folder_.write("picture.png", bytes);
  std::atomic<bool> done{false};
  std::thread writer([&] {
    while (!done) {
      folder_.write("picture.png", FileBytes(bytes.begin(), bytes.begin() + 100));
      folder_.write("picture.png", bytes);
    }
  });
  for (int i = 0; i < 20; ++i) {
    try {
      read_picture(path);
    } catch (const InputError&) {
    }
  }
  done = true;
  writer.join();
}

TEST_F(PictureTest, ThreadsReadAtOnce) {
  std::vector<std::pair<std::filesystem::path, cv::Mat>> files;
  for (const auto& [format, bytes] : samples()) {
    const auto path = folder_.write("of " + format, bytes);
    files.emplace_back(path, read_picture(path).pixels);
  }
  parallel_for(20 * files.size(), 4, [&](size_t i) {
    const auto& [path, expected] = files[i % files.size()];
    if (difference(read_picture(path).pixels, expected) != 0) throw Error(path.string() + " differs");
  });
}

}  // namespace
}  // namespace attend
