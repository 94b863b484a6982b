// HEIC, AVIF, JPEG XL, JPEG 2000, Netpbm and icons, written by their own libraries or byte by byte, and colour
// profiles.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <jxl/encode.h>
#include <lcms2.h>
#include <libheif/heif.h>
#include <png.h>
#include <tiffio.h>
#include <webp/encode.h>
#include <webp/mux.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <random>

#include "base/error.h"
#include "base/parallel.h"
#include "vision/codecs.h"
#include "vision/colour_profile.h"
#include "vision/find_pictures.h"
#include "vision/kind.h"
#include "vision/picture.h"
#include "vision/picture_files.h"

namespace attend {
namespace {

using namespace attend::testing;
using namespace std::string_literals;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr double kLossy = 24;  // what a lossy format may move a channel by

double difference(const cv::Mat& a, const cv::Mat& b) { return cv::norm(a, b, cv::NORM_INF); }

Picture read(const FileBytes& bytes, const ReadLimits& limits = {}) {
  return decode_picture(bytes, "picture", 0, limits);
}

/// What is said about the bytes, "" when they are read; nothing may reach stderr.
std::string refusal(const FileBytes& bytes, const ReadLimits& limits = {}) {
  std::string said;
  ::testing::internal::CaptureStderr();
  try {
    read(bytes, limits);
  } catch (const InputError& error) {
    said = error.what();
    EXPECT_THAT(said, StartsWith("picture: "));
    EXPECT_EQ(said.find('\n'), std::string::npos);
  }
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
  return said;
}

struct Style {
  int orientation = 1;
  FileBytes profile = {};
  int primaries = 0;  // of nclx (HEIF)
  bool lossless = false;
};

/// `picture`: BGR or BGRA.
FileBytes heif(const cv::Mat& picture, heif_compression_format format, const Style& style = {}) {
  const bool alpha = picture.channels() == 4;
  cv::Mat rgb;
  cv::cvtColor(picture, rgb, alpha ? cv::COLOR_BGRA2RGBA : cv::COLOR_BGR2RGB);
  heif_context* context = heif_context_alloc();
  heif_encoder* encoder = nullptr;
  EXPECT_EQ(heif_context_get_encoder_for_format(context, format, &encoder).code, heif_error_Ok);
  heif_encoder_set_lossy_quality(encoder, 95);
  heif_encoder_set_parameter(encoder, "chroma", "444");
  heif_encoder_set_logging_level(encoder, 0);
  heif_image* image = nullptr;
  heif_image_create(rgb.cols, rgb.rows, heif_colorspace_RGB,
                    alpha ? heif_chroma_interleaved_RGBA : heif_chroma_interleaved_RGB, &image);
  heif_image_add_plane(image, heif_channel_interleaved, rgb.cols, rgb.rows, 8);
  int stride = 0;
  auto* plane = heif_image_get_plane(image, heif_channel_interleaved, &stride);
  for (int y = 0; y < rgb.rows; ++y)
    std::memcpy(plane + y * stride, rgb.ptr(y), static_cast<size_t>(rgb.cols) * rgb.elemSize());
  if (!style.profile.empty())
    heif_image_set_raw_color_profile(image, "prof", style.profile.data(), style.profile.size());
  if (style.primaries > 0) {
    heif_color_profile_nclx* nclx = heif_nclx_color_profile_alloc();
    heif_nclx_color_profile_set_color_primaries(nclx, static_cast<uint16_t>(style.primaries));
    heif_nclx_color_profile_set_transfer_characteristics(nclx, heif_transfer_characteristic_IEC_61966_2_1);
    heif_image_set_nclx_color_profile(image, nclx);
    heif_nclx_color_profile_free(nclx);
  }
  heif_encoding_options* options = heif_encoding_options_alloc();
  options->image_orientation = static_cast<heif_orientation>(style.orientation);
  heif_image_handle* handle = nullptr;
  EXPECT_EQ(heif_context_encode_image(context, image, encoder, options, &handle).code, heif_error_Ok);
  FileBytes bytes;
  heif_writer writer{};
  writer.writer_api_version = 1;
  writer.write = [](heif_context*, const void* data, size_t size, void* to) {
    const auto* first = static_cast<const unsigned char*>(data);
    static_cast<FileBytes*>(to)->assign(first, first + size);
    return heif_error{heif_error_Ok, heif_suberror_Unspecified, ""};
  };
  heif_context_write(context, &writer, &bytes);
  heif_encoding_options_free(options);
  heif_image_handle_release(handle);
  heif_image_release(image);
  heif_encoder_release(encoder);
  heif_context_free(context);
  return bytes;
}

FileBytes heic(const cv::Mat& picture, const Style& style = {}) { return heif(picture, heif_compression_HEVC, style); }
FileBytes avif(const cv::Mat& picture, const Style& style = {}) { return heif(picture, heif_compression_AV1, style); }

/// `picture`: grey, BGR or BGRA; with a profile it is stored as it is, without losses.
FileBytes jxl(const cv::Mat& picture, const Style& style = {}) {
  cv::Mat pixels = picture.clone();
  if (picture.channels() == 3) cv::cvtColor(picture, pixels, cv::COLOR_BGR2RGB);
  if (picture.channels() == 4) cv::cvtColor(picture, pixels, cv::COLOR_BGRA2RGBA);
  JxlEncoder* encoder = JxlEncoderCreate(nullptr);
  JxlBasicInfo info;
  JxlEncoderInitBasicInfo(&info);
  info.xsize = static_cast<uint32_t>(pixels.cols);
  info.ysize = static_cast<uint32_t>(pixels.rows);
  info.bits_per_sample = 8;
  info.num_color_channels = pixels.channels() == 1 ? 1 : 3;
  info.alpha_bits = pixels.channels() == 4 ? 8 : 0;
  info.num_extra_channels = pixels.channels() == 4;
  info.orientation = static_cast<JxlOrientation>(style.orientation);
  const bool lossless = style.lossless || !style.profile.empty();
  info.uses_original_profile = lossless;
  EXPECT_EQ(JxlEncoderSetBasicInfo(encoder, &info), JXL_ENC_SUCCESS);
  if (style.profile.empty()) {
    JxlColorEncoding srgb;
    JxlColorEncodingSetToSRGB(&srgb, pixels.channels() == 1);
    JxlEncoderSetColorEncoding(encoder, &srgb);
  } else {
    EXPECT_EQ(JxlEncoderSetICCProfile(encoder, style.profile.data(), style.profile.size()), JXL_ENC_SUCCESS);
  }
  JxlEncoderFrameSettings* settings = JxlEncoderFrameSettingsCreate(encoder, nullptr);
  JxlEncoderSetFrameLossless(settings, lossless);
  const JxlPixelFormat format{static_cast<uint32_t>(pixels.channels()), JXL_TYPE_UINT8, JXL_NATIVE_ENDIAN, 0};
  EXPECT_EQ(JxlEncoderAddImageFrame(settings, &format, pixels.data, pixels.total() * pixels.elemSize()),
            JXL_ENC_SUCCESS);
  JxlEncoderCloseInput(encoder);
  FileBytes bytes;
  for (JxlEncoderStatus status = JXL_ENC_NEED_MORE_OUTPUT; status == JXL_ENC_NEED_MORE_OUTPUT;) {
    unsigned char part[4096];
    unsigned char* next = part;
    size_t room = sizeof part;
    status = JxlEncoderProcessOutput(encoder, &next, &room);
    EXPECT_NE(status, JXL_ENC_ERROR);
    bytes.insert(bytes.end(), part, next);
  }
  JxlEncoderDestroy(encoder);
  return bytes;
}

/// An icon of pictures and the sides it claims they have.
FileBytes icon(const std::vector<std::pair<int, FileBytes>>& pictures, int kind = 1) {
  FileBytes bytes{0, 0, static_cast<unsigned char>(kind), 0, static_cast<unsigned char>(pictures.size()), 0}, bodies;
  for (const auto& [side, picture] : pictures) {
    const auto number = [&](size_t value) {
      for (int i = 0; i < 4; ++i) bytes.push_back(static_cast<unsigned char>(value >> 8 * i));
    };
    bytes.insert(bytes.end(), {static_cast<unsigned char>(side), static_cast<unsigned char>(side), 0, 0, 1, 0, 32, 0});
    number(picture.size());
    number(6 + 16 * pictures.size() + bodies.size());
    bodies.insert(bodies.end(), picture.begin(), picture.end());
  }
  bytes.insert(bytes.end(), bodies.begin(), bodies.end());
  return bytes;
}

/// The bitmap that an icon holds: no file header, twice the height, and a mask whose set bits are transparent.
FileBytes icon_bitmap(const cv::Mat& picture, const FileBytes& mask) {
  const size_t stride = (static_cast<size_t>(picture.cols) * picture.elemSize() + 3) / 4 * 4;
  FileBytes header(40), rows;
  header[0] = 40, header[4] = static_cast<unsigned char>(picture.cols),
  header[8] = static_cast<unsigned char>(2 * picture.rows);
  header[12] = 1, header[14] = static_cast<unsigned char>(8 * picture.elemSize());
  for (int y = picture.rows - 1; y >= 0; --y) {
    rows.insert(rows.end(), picture.ptr(y), picture.ptr(y) + static_cast<size_t>(picture.cols) * picture.elemSize());
    rows.resize((static_cast<size_t>(picture.rows - y)) * stride);
  }
  header.insert(header.end(), rows.begin(), rows.end());
  header.insert(header.end(), mask.begin(), mask.end());
  return header;
}

FileBytes text(const std::string& bytes) { return {bytes.begin(), bytes.end()}; }

/// Small files of every format.
std::vector<std::pair<std::string, FileBytes>> samples() {
  const cv::Mat picture = gradient(50, 40);
  cv::Mat noise(40, 50, CV_8UC3);
  cv::randu(noise, 0, 256);
  return {{"HEIC", heic(picture)},
          {"AVIF", avif(picture)},
          {"JPEG XL", jxl(picture)},
          {"JPEG XL", jxl(noise, {.lossless = true})},
          {"JPEG 2000", encoded(".jp2", noise)},
          {"Netpbm", encoded(".ppm", noise)},
          {"Netpbm", encoded(".ppm", picture, {cv::IMWRITE_PXM_BINARY, 0})},
          {"icon (ICO)", icon({{50, encoded(".png", picture)}})}};
}

TEST(ModernPicture, EachKindIsKnownByItsContentAndRead) {
  for (const auto& [name, bytes] : samples()) {
    const Kind kind = kind_of(bytes);
    EXPECT_EQ(kind.name, name);
    EXPECT_EQ(kind.use, Kind::kRead) << name;
    const Picture picture = read(bytes);
    EXPECT_EQ(picture.full, cv::Size(50, 40)) << name;
    EXPECT_EQ(picture.pixels.type(), CV_8UC3) << name;
    EXPECT_EQ(picture.pixels.size(), picture.full) << name;
  }
}

TEST(ModernPicture, FoldersGiveThemUnderAnyName) {
  TemporaryFolder folder;
  int i = 0;
  for (const auto& [name, bytes] : samples()) folder.write("picture " + std::to_string(i++), bytes);
  folder.write("font.bin", {0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});  // nearly an icon
  const FoundPictures found = find_pictures({folder.path().string()}, false);
  EXPECT_EQ(found.pictures.size(), samples().size());
  EXPECT_TRUE(found.unread.empty());
}

TEST(ModernPicture, PixelsAreThoseThatWereWritten) {
  const cv::Mat picture = gradient(67, 43);
  for (const auto& bytes :
       {jxl(picture, {.lossless = true}), encoded(".jp2", picture), encoded(".ppm", picture),
        encoded(".ppm", picture, {cv::IMWRITE_PXM_BINARY, 0}), icon({{67, encoded(".png", picture)}})})
    EXPECT_EQ(difference(read(bytes).pixels, picture), 0);
  for (const auto& bytes : {heic(picture), avif(picture), jxl(picture)})
    EXPECT_LE(difference(read(bytes).pixels, picture), kLossy);
}

TEST(ModernPicture, EveryOrientationComesOutUpright) {
  const cv::Mat picture = gradient(64, 48);
  for (int orientation = 1; orientation <= 8; ++orientation) {
    SCOPED_TRACE(orientation);
    const cv::Mat stored = stored_as(picture, orientation);
    for (const auto& bytes : {heic(stored, {.orientation = orientation}), avif(stored, {.orientation = orientation}),
                              jxl(stored, {.orientation = orientation, .lossless = true})}) {
      const Picture upright = read(bytes);
      ASSERT_EQ(upright.full, picture.size());
      EXPECT_LE(difference(upright.pixels, picture), kLossy);
    }
  }
}

TEST(ModernPicture, TransparentOnesLieOnWhite) {
  const auto bgra = [](int alpha) { return cv::Mat(32, 48, CV_8UC4, cv::Scalar(0, 100, 200, alpha)); };
  const std::function<FileBytes(const cv::Mat&)> writers[] = {
      [](const cv::Mat& picture) { return heic(picture); }, [](const cv::Mat& picture) { return avif(picture); },
      [](const cv::Mat& picture) { return jxl(picture, {.lossless = true}); },
      [](const cv::Mat& picture) {
        return icon({{48, icon_bitmap(picture, FileBytes(32 * 8, 0xff))}});
      }};
  for (const auto& write : writers) {
    EXPECT_LE(difference(read(write(bgra(1))).pixels, cv::Mat(32, 48, CV_8UC3, cv::Scalar::all(255))), 4);
    EXPECT_LE(difference(read(write(bgra(255))).pixels, cv::Mat(32, 48, CV_8UC3, cv::Scalar(0, 100, 200))), 4);
    EXPECT_LE(difference(read(write(bgra(128))).pixels, cv::Mat(32, 48, CV_8UC3, cv::Scalar(127, 177, 227))), 6);
  }
}

TEST(ModernPicture, GreyAndDeepOnesBecomeColourOfEightBits) {
  cv::Mat grey(70, 80, CV_8UC1), deep, expected;
  for (int x = 0; x < 80; ++x) grey.col(x).setTo(3 * x);
  grey.convertTo(deep, CV_16U, 257);
  cv::cvtColor(grey, expected, cv::COLOR_GRAY2BGR);
  for (const auto& bytes :
       {jxl(grey, {.lossless = true}), encoded(".jp2", grey), encoded(".jp2", deep), encoded(".pgm", grey),
        encoded(".pgm", deep), encoded(".pgm", grey, {cv::IMWRITE_PXM_BINARY, 0})})
    EXPECT_EQ(difference(read(bytes).pixels, expected), 0);
}

TEST(ModernPicture, NetpbmOfEveryKind) {
  const auto pixel = [](const std::string& bytes, int x, int y) {
    return read(text(bytes)).pixels.at<cv::Vec3b>(y, x);
  };
  const cv::Vec3b black(0, 0, 0), white(255, 255, 255);
  EXPECT_EQ(pixel("P1\n# a comment\n3 2\n010\n1 0 1\n", 1, 0), black);
  EXPECT_EQ(pixel("P1 3 2 010101", 2, 1), black);
  EXPECT_EQ(pixel("P4\n10 1\n\x80\x40", 0, 0), black);
  EXPECT_EQ(pixel("P4\n10 1\n\x80\x40", 9, 0), black);
  EXPECT_EQ(pixel("P4\n10 1\n\x80\x40", 1, 0), white);
  EXPECT_EQ(pixel("P2 2 1 15 0 15", 1, 0), white);
  EXPECT_EQ(pixel("P3\n1 1 # of one pixel\n100\n100 50 0\n", 0, 0), cv::Vec3b(0, 128, 255));
  EXPECT_EQ(pixel("P6 1 1 255\n\n\r ", 0, 0), cv::Vec3b(' ', '\r', '\n'));  // one blank ends the header
  EXPECT_EQ(pixel("P7\nWIDTH 1\nHEIGHT 1\nDEPTH 4\nMAXVAL 255\nTUPLTYPE RGB_ALPHA\nENDHDR\nABC\xff", 0, 0),
            cv::Vec3b('C', 'B', 'A'));
  EXPECT_EQ(pixel("P7\nDEPTH 2\nWIDTH 1\nHEIGHT 1\nMAXVAL 255\nENDHDR\nA\0"s, 0, 0), white);
  EXPECT_THAT(refusal(text("P3 2 1 255 1 2 3 4 5")), HasSubstr("cut short"));
  EXPECT_THAT(refusal(text("P6 2 1 255 abcde")), HasSubstr("cut short"));
  EXPECT_THAT(refusal(text("P2 1 1 255 red")), HasSubstr("in place of \"red\""));
  EXPECT_THAT(refusal(text("P5 1 1 70000 ab")), HasSubstr("largest value is 70000"));
  EXPECT_THAT(refusal(text("P7\nWIDTH 1\nHEIGHT 1\n")), HasSubstr("cut short"));
  for (const std::string start : {"", "P", "P6", "P6 "}) {
    EXPECT_THROW(codecs::read_netpbm(text(start), {}), codecs::Undecodable) << start;
  }
}

TEST(ModernPicture, TheLargestPictureOfAnIconIsTaken) {
  const cv::Mat small(16, 16, CV_8UC3, cv::Scalar(1, 2, 3)), large = gradient(32, 32);
  const FileBytes clear(32 * 4, 0);
  for (const int kind : {1, 2}) {
    const auto bytes =
        icon({{16, encoded(".png", small)}, {32, icon_bitmap(large, clear)}, {16, encoded(".png", small)}}, kind);
    EXPECT_EQ(difference(read(bytes).pixels, large), 0);
  }
  FileBytes mask = clear;
  mask[0] = 0x80;  // the bottom left pixel
  EXPECT_EQ(read(icon({{32, icon_bitmap(large, mask)}})).pixels.at<cv::Vec3b>(31, 0), cv::Vec3b(255, 255, 255));
  cv::Mat bgra;
  cv::cvtColor(large, bgra, cv::COLOR_BGR2BGRA);
  bgra.forEach<cv::Vec4b>(
      [](cv::Vec4b& pixel, const int*) { pixel[3] = 0; });  // alpha that nobody wrote: the mask counts
  EXPECT_EQ(read(icon({{32, icon_bitmap(bgra, mask)}})).pixels.at<cv::Vec3b>(31, 0), cv::Vec3b(255, 255, 255));
  EXPECT_EQ(read(icon({{32, icon_bitmap(bgra, mask)}})).pixels.at<cv::Vec3b>(5, 7), large.at<cv::Vec3b>(5, 7));
  EXPECT_THAT(refusal({0, 0, 1, 0, 1, 0, 16, 16}), HasSubstr("cut short"));
  FileBytes stub(38);
  stub[0] = 40;  // a header that isn't all there
  EXPECT_THAT(refusal(icon({{16, stub}})), HasSubstr("an icon of an unknown version"));
}

TEST(ModernPicture, FilesCutAnywhereAreRefusedSilently) {
  for (const auto& [format, bytes] : samples()) {
    SCOPED_TRACE(format);
    const bool text_file = format == "Netpbm" && bytes[1] == '3';
    const size_t end = format == "JPEG 2000"    ? 2
                       : format == "icon (ICO)" ? 12
                       : text_file              ? 8
                                                : 0;  // behind the last pixel, or within its number
    const size_t body = bytes.size() - end, step = std::max<size_t>(body / 25, 1);
    for (size_t length = 0; length < body;
         length = length + step < body - 8 ? length + step : std::max(length + 1, body - 8))
      EXPECT_NE(refusal(FileBytes(bytes.begin(), bytes.begin() + static_cast<long>(length))), "")
          << length << " of " << body;
  }
}

TEST(ModernPicture, DamagedFilesAreReadOrRefusedSilently) {
  std::mt19937 generator(11);
  int refused = 0;
  for (const auto& [format, bytes] : samples()) {
    SCOPED_TRACE(format);
    for (int round = 0; round < 40; ++round) {
      FileBytes damaged = bytes;
      const size_t reach = round % 2 ? std::min<size_t>(96, bytes.size()) : bytes.size();  // headers more often
      for (int i = 0; i < 3; ++i) damaged[generator() % reach] = static_cast<unsigned char>(generator());
      refused += !refusal(damaged, {.max_pixels = 1 << 20}).empty();
    }
  }
  EXPECT_GT(refused, 60);
}

TEST(ModernPicture, DeclaredSizesAreCheckedFirst) {
  for (const auto& [format, bytes] : samples()) {
    EXPECT_EQ(refusal(bytes, {.max_pixels = 2000}), "") << format;
    EXPECT_THAT(refusal(bytes, {.max_pixels = 1999}), HasSubstr("too large (50x40 pixels")) << format;
  }
  EXPECT_THAT(refusal(text("P6 1000000 1000000 255\nabc")), HasSubstr("too large"));
  EXPECT_THAT(refusal(text("P6 10000 10000 255\nabc")),
              HasSubstr("cut short"));  // no memory is taken for what isn't there
}

TEST(ModernPicture, ThreadsReadAtOnce) {
  const auto files = samples();
  std::vector<cv::Mat> expected;
  for (const auto& [format, bytes] : files) expected.push_back(read(bytes).pixels);
  parallel_for(8 * files.size(), 4, [&](size_t i) {
    if (difference(read(files[i % files.size()].second).pixels, expected[i % files.size()]) != 0)
      throw Error(files[i % files.size()].first);
  });
}

TEST(ModernPicture, WhatPillowWritesIsReadAsPillowReadsIt) {
  TemporaryFolder folder;
  const std::string script = R"(
import numpy, pillow_heif
from PIL import Image, ImageOps
pillow_heif.register_heif_opener()
y, x = numpy.mgrid[0:48, 0:64]
image = Image.fromarray(numpy.stack([4 * x, 5 * y, 128 + (x + y) // 4], 2).astype(numpy.uint8))
exif = Image.Exif()
exif[0x0112] = 6
for name, options in {'a.heic': dict(quality=90), 'b.heic': dict(quality=90, exif=exif), 'c.avif': dict(quality=90), 'd.jp2': {}, 'e.ppm': {}}.items():
    image.save(name, **options)
    ImageOps.exif_transpose(Image.open(name)).convert('RGB').save(name + '.png')
)";
  folder.write("write.py", text(script));
  if (std::system(("cd " + folder.path().string() + " && python3 write.py > /dev/null 2>&1").c_str()) != 0)
    GTEST_SKIP() << "no Python with Pillow and pillow-heif";
  for (const char* name : {"a.heic", "b.heic", "c.avif", "d.jp2", "e.ppm"}) {
    const cv::Mat expected = cv::imread((folder.path() / (std::string(name) + ".png")).string());
    const Picture picture = read_picture(folder.path() / name);
    ASSERT_EQ(picture.pixels.size(), expected.size()) << name;
    EXPECT_LE(difference(picture.pixels, expected), 8) << name;
  }
}

/// Files that Pillow and pillow-heif wrote (tools/golden/community.py), of a picture that a formula gives.
TEST(ModernPicture, FilesOfPillowAreThePicturesThatWereSaved) {
  cv::Mat saved(48, 64, CV_8UC3);
  for (int y = 0; y < saved.rows; ++y)
    for (int x = 0; x < saved.cols; ++x)
      saved.at<cv::Vec3b>(y, x) = {static_cast<unsigned char>(128 + (x + y) / 4), static_cast<unsigned char>(5 * y),
                                   static_cast<unsigned char>(4 * x)};
  const auto folder = std::filesystem::path(ATTEND_SOURCE_DIR) / "tests/vision/data";
  // The second has an EXIF orientation, which counts for nothing in HEIF: pillow-heif reads it so, too.
  for (const auto* name : {"pillow-heif.heic", "pillow-heif-exif.heic", "pillow.avif"}) {
    const Picture picture = read_picture(folder / name);
    ASSERT_EQ(picture.pixels.size(), saved.size()) << name;
    cv::Mat apart;
    cv::absdiff(picture.pixels, saved, apart);
    EXPECT_LT(cv::mean(apart.reshape(1))[0], 4) << name;  // of 255
  }
}

// Colour profiles.

/// IEC 61966-2-1, from 0 to 1.
double to_light(double value) { return value <= 0.04045 ? value / 12.92 : std::pow((value + 0.055) / 1.055, 2.4); }
double to_value(double light) { return light <= 0.0031308 ? light * 12.92 : 1.055 * std::pow(light, 1 / 2.4) - 0.055; }

/// What a Display P3 colour is in sRGB, by the two spaces' matrices: BGR.
cv::Vec3b p3_in_srgb(const cv::Vec3b& bgr) {
  // Display P3 → XYZ → sRGB, both with D65.
  const cv::Matx33d to_xyz(0.4865709, 0.2656677, 0.1982173, 0.2289746, 0.6917385, 0.0792869, 0, 0.0451134, 1.0439444);
  const cv::Matx33d from_xyz(3.2404542, -1.5371385, -0.4985314, -0.9692660, 1.8760108, 0.0415560, 0.0556434, -0.2040259,
                             1.0572252);
  const cv::Vec3d light =
      from_xyz * to_xyz * cv::Vec3d(to_light(bgr[2] / 255.0), to_light(bgr[1] / 255.0), to_light(bgr[0] / 255.0));
  cv::Vec3b out;
  for (int c = 0; c < 3; ++c)
    out[2 - c] = cv::saturate_cast<unsigned char>(255 * to_value(std::clamp(light[c], 0.0, 1.0)));
  return out;
}

const codecs::Primaries kDisplayP3{{0.680, 0.320}, {0.265, 0.690}, {0.150, 0.060}};
const codecs::Primaries kSrgb{{0.640, 0.330}, {0.300, 0.600}, {0.150, 0.060}};

/// A few colours, in blocks that lossy formats keep.
cv::Mat patches() {
  cv::Mat picture(64, 128, CV_8UC3);
  const cv::Scalar colours[] = {{80, 100, 200}, {60, 180, 90},   {190, 90, 120}, {128, 128, 128},
                                {20, 40, 60},   {255, 255, 255}, {0, 0, 0},      {40, 60, 230}};
  for (int i = 0; i < 8; ++i) picture(cv::Rect(i % 4 * 32, i / 4 * 32, 32, 32)).setTo(colours[i]);
  return picture;
}

FileBytes profiled_jpeg(const cv::Mat& picture, const FileBytes& profile) {
  FileBytes bytes = jpeg(picture), segment{0xff, 0xe2, 0, 0};
  const std::string name("ICC_PROFILE\0\1\1", 14);
  segment.insert(segment.end(), name.begin(), name.end());
  segment.insert(segment.end(), profile.begin(), profile.end());
  segment[2] = static_cast<unsigned char>((segment.size() - 2) >> 8),
  segment[3] = static_cast<unsigned char>(segment.size() - 2);
  bytes.insert(bytes.begin() + 2, segment.begin(), segment.end());
  return bytes;
}

FileBytes profiled_png(const cv::Mat& picture, const FileBytes& profile) {
  FileBytes bytes;
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  png_set_write_fn(
      png, &bytes,
      [](png_structp file, png_bytep data, size_t size) {
        auto& to = *static_cast<FileBytes*>(png_get_io_ptr(file));
        to.insert(to.end(), data, data + size);
      },
      nullptr);
  png_set_IHDR(png, info, static_cast<png_uint_32>(picture.cols), static_cast<png_uint_32>(picture.rows), 8,
               picture.channels() == 4 ? PNG_COLOR_TYPE_RGB_ALPHA : PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_set_iCCP(png, info, "profile", PNG_COMPRESSION_TYPE_DEFAULT, profile.data(),
               static_cast<png_uint_32>(profile.size()));
  png_write_info(png, info);
  png_set_bgr(png);
  for (int y = 0; y < picture.rows; ++y) png_write_row(png, picture.ptr(y));
  png_write_end(png, info);
  png_destroy_write_struct(&png, &info);
  return bytes;
}

FileBytes profiled_webp(const cv::Mat& picture, const FileBytes& profile) {
  const FileBytes plain = encoded(".webp", picture, {cv::IMWRITE_WEBP_QUALITY, 101});
  const WebPData file{plain.data(), plain.size()}, chunk{profile.data(), profile.size()};
  WebPMux* mux = WebPMuxCreate(&file, 0);
  WebPMuxSetChunk(mux, "ICCP", &chunk, 0);
  WebPData made{};
  WebPMuxAssemble(mux, &made);
  FileBytes bytes(made.bytes, made.bytes + made.size);
  WebPDataClear(&made);
  WebPMuxDelete(mux);
  return bytes;
}

FileBytes profiled_tiff(const cv::Mat& picture, const FileBytes& profile) {
  TemporaryFolder folder;
  const auto path = folder.path() / "made.tif";
  cv::Mat rgb;
  cv::cvtColor(picture, rgb, cv::COLOR_BGR2RGB);
  TIFF* file = TIFFOpen(path.c_str(), "w");
  TIFFSetField(file, TIFFTAG_IMAGEWIDTH, rgb.cols);
  TIFFSetField(file, TIFFTAG_IMAGELENGTH, rgb.rows);
  TIFFSetField(file, TIFFTAG_BITSPERSAMPLE, 8);
  TIFFSetField(file, TIFFTAG_SAMPLESPERPIXEL, 3);
  TIFFSetField(file, TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_RGB);
  TIFFSetField(file, TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG);
  TIFFSetField(file, TIFFTAG_ICCPROFILE, static_cast<uint32_t>(profile.size()), profile.data());
  for (int y = 0; y < rgb.rows; ++y) TIFFWriteScanline(file, rgb.ptr(y), static_cast<uint32_t>(y), 0);
  TIFFClose(file);
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(ColourProfile, DisplayP3BecomesSrgbInEveryFormat) {
  const FileBytes p3 = codecs::profile_of(kDisplayP3);
  ASSERT_FALSE(p3.empty());
  const cv::Mat picture = patches();
  cv::Mat expected = picture.clone();
  expected.forEach<cv::Vec3b>([](cv::Vec3b& pixel, const int*) { pixel = p3_in_srgb(pixel); });
  ASSERT_GT(difference(expected, picture), 10);
  const auto middle = [](const cv::Mat& whole, int i) {
    return whole(cv::Rect(i % 4 * 32 + 8, i / 4 * 32 + 8, 16, 16));
  };  // off the edges
  const std::pair<const char*, FileBytes> files[] = {
      {"PNG", profiled_png(picture, p3)},        {"JPEG", profiled_jpeg(picture, p3)},
      {"WebP", profiled_webp(picture, p3)},      {"TIFF", profiled_tiff(picture, p3)},
      {"HEIC", heic(picture, {.profile = p3})},  {"AVIF by numbers", avif(picture, {.primaries = 12})},
      {"JPEG XL", jxl(picture, {.profile = p3})}};
  for (const auto& [format, bytes] : files)
    for (int i = 0; i < 8; ++i)
      EXPECT_LE(difference(middle(read(bytes).pixels, i), middle(expected, i)), 5) << format << ", colour " << i;
}

TEST(ColourProfile, ThatOfGreyCountsWhereThePictureIsGrey) {
  cmsToneCurve* linear = cmsBuildGamma(nullptr, 1.0);
  cmsHPROFILE made = cmsCreateGrayProfile(cmsD50_xyY(), linear);
  cmsUInt32Number size = 0;
  ASSERT_TRUE(cmsSaveProfileToMem(made, nullptr, &size));
  FileBytes profile(size);
  ASSERT_TRUE(cmsSaveProfileToMem(made, profile.data(), &size));
  cmsCloseProfile(made);
  cmsFreeToneCurve(linear);
  for (const int channels : {3, 4})
    for (const int level : {0, 1, 20, 64, 128, 200, 255}) {
      const double light = level / 255.0;
      const double expected = 255 * (light <= 0.0031308 ? 12.92 * light : 1.055 * std::pow(light, 1 / 2.4) - 0.055);
      cv::Mat pixels(3, 5, CV_8UC(channels), cv::Scalar(level, level, level, 77));
      codecs::to_srgb(pixels, profile);
      const auto* pixel = pixels.ptr(2) + 4 * channels;
      for (int i = 0; i < 3; ++i) EXPECT_NEAR(pixel[i], expected, 1.5) << level;
      EXPECT_EQ(channels == 4 ? pixel[3] : 77, 77);
    }
  cv::Mat coloured = patches();
  codecs::to_srgb(coloured, profile);
  EXPECT_EQ(difference(coloured, patches()), 0);
  EXPECT_EQ(refusal(profiled_jpeg(patches(), profile)), "");
}

TEST(ColourProfile, SrgbAndWhatIsNoProfileChangeNothing) {
  const cv::Mat picture = patches();
  EXPECT_EQ(difference(read(profiled_png(picture, codecs::profile_of(kSrgb))).pixels, picture), 0);
  FileBytes broken = codecs::profile_of(kDisplayP3);
  cv::Mat pixels = picture.clone();
  codecs::to_srgb(pixels, FileBytes(broken.begin(), broken.begin() + 200));
  codecs::to_srgb(pixels, FileBytes{});
  codecs::to_srgb(pixels, FileBytes(500, 'x'));
  EXPECT_EQ(difference(pixels, picture), 0);
  EXPECT_TRUE(codecs::cmyk_to_srgb(cv::Mat(2, 2, CV_8UC4), broken).empty());
  std::mt19937 generator(3);
  for (int round = 0; round < 200; ++round) {
    FileBytes damaged = broken;
    for (int i = 0; i < 3; ++i) damaged[generator() % damaged.size()] = static_cast<unsigned char>(generator());
    EXPECT_EQ(refusal(profiled_jpeg(picture, damaged)), "");
  }
}

TEST(ColourProfile, AlphaStaysAndIsLaidOverWhiteBehindIt) {
  const FileBytes p3 = codecs::profile_of(kDisplayP3);
  cv::Mat bgra(4, 4, CV_8UC4, cv::Scalar(80, 100, 200, 128));
  const cv::Vec3b colour = p3_in_srgb({80, 100, 200}), seen = read(profiled_png(bgra, p3)).pixels.at<cv::Vec3b>(1, 1);
  for (int c = 0; c < 3; ++c) EXPECT_NEAR(seen[c], (colour[c] * 128 + 255 * 127) / 255.0, 2);
}

}  // namespace
}  // namespace attend
