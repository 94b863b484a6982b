#include "vision/picture.h"

#include <gif_lib.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <png.h>
#include <sys/stat.h>
#include <tiffio.h>
#include <webp/encode.h>

#include <cstring>
#include <random>

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

FileBytes little_endian(uint32_t value, int size) {
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

/// A PNG written by libpng: `colour_type`, bits, palette and transparency as given; one byte a pixel.
FileBytes indexed_png(const cv::Mat& indices, const std::vector<png_color>& palette, const FileBytes& alpha) {
  FileBytes bytes;
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  png_set_write_fn(
      png, &bytes,
      [](png_structp file, png_bytep data, size_t size) {
        append(*static_cast<FileBytes*>(png_get_io_ptr(file)), FileBytes(data, data + size));
      },
      nullptr);
  png_set_IHDR(png, info, static_cast<png_uint_32>(indices.cols), static_cast<png_uint_32>(indices.rows), 8,
               PNG_COLOR_TYPE_PALETTE, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_set_PLTE(png, info, palette.data(), static_cast<int>(palette.size()));
  png_set_tRNS(png, info, alpha.data(), static_cast<int>(alpha.size()), nullptr);
  png_write_info(png, info);
  for (int y = 0; y < indices.rows; ++y) png_write_row(png, indices.ptr(y));
  png_write_end(png, info);
  png_destroy_write_struct(&png, &info);
  return bytes;
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

/// A TIFF of RGB or RGBA with an orientation.
FileBytes tiff(const TemporaryFolder& folder, const cv::Mat& picture, int orientation) {
  const auto path = folder.path() / "made.tif";
  cv::Mat pixels;
  cv::cvtColor(picture, pixels, picture.channels() == 4 ? cv::COLOR_BGRA2RGBA : cv::COLOR_BGR2RGB);
  TIFF* file = TIFFOpen(path.c_str(), "w");
  TIFFSetField(file, TIFFTAG_IMAGEWIDTH, pixels.cols);
  TIFFSetField(file, TIFFTAG_IMAGELENGTH, pixels.rows);
  TIFFSetField(file, TIFFTAG_BITSPERSAMPLE, 8);
  TIFFSetField(file, TIFFTAG_SAMPLESPERPIXEL, pixels.channels());
  TIFFSetField(file, TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_RGB);
  TIFFSetField(file, TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG);
  TIFFSetField(file, TIFFTAG_ORIENTATION, orientation);
  TIFFSetField(file, TIFFTAG_COMPRESSION, COMPRESSION_LZW);
  TIFFSetField(file, TIFFTAG_ROWSPERSTRIP, 4);
  const uint16_t straight_alpha = EXTRASAMPLE_UNASSALPHA;
  if (pixels.channels() == 4) TIFFSetField(file, TIFFTAG_EXTRASAMPLES, 1, &straight_alpha);
  for (int y = 0; y < pixels.rows; ++y) TIFFWriteScanline(file, pixels.ptr(y), static_cast<uint32_t>(y));
  TIFFClose(file);
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
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

TEST_F(PictureTest, CmykJpegsOfBothConventionsGiveTheSameColours) {
  // Ink of 20 % cyan, 60 % magenta, 0 yellow, 10 % black: light of (.8, .4, 1) times .9.
  const cv::Mat ink(16, 16, CV_8UC4, cv::Scalar(51, 153, 0, 26));
  cv::Mat inverted;
  cv::bitwise_not(ink, inverted);
  const cv::Mat expected(16, 16, CV_8UC3, cv::Scalar(229, 92, 183));
  EXPECT_LE(difference(read(jpeg(ink, {.exif = {}, .adobe_marker = false, .stored = JCS_CMYK})).pixels, expected), 4);
  EXPECT_LE(difference(read(jpeg(inverted, {.exif = {}, .stored = JCS_CMYK})).pixels, expected), 4);
  EXPECT_LE(difference(read(jpeg(inverted, {.exif = {}, .stored = JCS_YCCK})).pixels, expected), 6);
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

TEST_F(PictureTest, FilesCutAnywhereAreRefusedSilently) {
  for (const auto& [format, bytes] : samples()) {
    SCOPED_TRACE(format);
    EXPECT_EQ(refusal(bytes), "");
    const size_t step = std::max<size_t>(bytes.size() / 30, 1);
    for (size_t length = 0; length < bytes.size(); length += length + 12 < bytes.size() ? step : 1)
      EXPECT_NE(refusal(FileBytes(bytes.begin(), bytes.begin() + static_cast<long>(length))), "")
          << length << " of " << bytes.size();
  }
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
