#include "vision/encode.h"

#include <png.h>
#include <webp/encode.h>
#include <zlib.h>

#include <csetjmp>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <new>
#include <string>

// clang-format off: jpeglib.h needs FILE
#include <jpeglib.h>
// clang-format on

#include "base/error.h"
#include "vision/codecs.h"

namespace attend {
namespace {

[[noreturn]] void refuse(const cv::Mat& picture, const char* format) {
  throw Error("a picture of " + std::to_string(picture.cols) + "x" + std::to_string(picture.rows) +
              " pixels can't be written as " + format);
}

void require_colour(const cv::Mat& picture) { CV_Assert(picture.type() == CV_8UC3 && !picture.empty()); }

/// libpng's state with errors that jump back to write_png() instead of ending the process.
struct PngWriter {
  PngWriter() : png(png_create_write_struct(PNG_LIBPNG_VER_STRING, this, on_error, nullptr)) {
    if (png) info = png_create_info_struct(png);
    if (!info) throw std::bad_alloc();
    png_set_write_fn(png, this, add_bytes, nullptr);
  }
  ~PngWriter() { png_destroy_write_struct(&png, &info); }
  PngWriter(const PngWriter&) = delete;

  [[noreturn]] static void on_error(png_structp to, png_const_charp) { png_longjmp(to, 1); }
  static void add_bytes(png_structp to, png_bytep from, size_t size) {
    auto& bytes = static_cast<PngWriter*>(png_get_io_ptr(to))->bytes;
    bytes.insert(bytes.end(), from, from + size);
  }

  png_structp png;
  png_infop info = nullptr;
  std::vector<unsigned char> bytes;
};

/// Returns false where libpng fails. Owns nothing: a jump out of libpng passes over its frame.
bool write_png(PngWriter& writer, const cv::Mat& picture) {
  auto* png = writer.png;
  if (setjmp(png_jmpbuf(png))) return false;
  // Quick, and for flat areas and photographs within some percent of the smallest.
  png_set_compression_level(png, Z_BEST_SPEED);
  png_set_compression_strategy(png, Z_RLE);
  png_set_filter(png, PNG_FILTER_TYPE_BASE, PNG_FILTER_SUB);
  png_set_IHDR(png, writer.info, static_cast<png_uint_32>(picture.cols), static_cast<png_uint_32>(picture.rows), 8,
               PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_write_info(png, writer.info);
  png_set_bgr(png);
  for (int y = 0; y < picture.rows; ++y) png_write_row(png, picture.ptr(y));
  png_write_end(png, writer.info);
  return true;
}

/// libjpeg's state, like PngWriter.
struct JpegWriter {
  ~JpegWriter() {
    jpeg_destroy_compress(&info);
    std::free(bytes);
  }
  [[noreturn]] static void on_error(j_common_ptr info) {
    std::longjmp(static_cast<JpegWriter*>(info->client_data)->failed, 1);
  }

  jpeg_compress_struct info{};
  jpeg_error_mgr errors{};
  std::jmp_buf failed;
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
};

bool write_jpeg(JpegWriter& writer, const cv::Mat& picture, int quality, bool small) {
  auto& info = writer.info;
  info.err = jpeg_std_error(&writer.errors);
  info.client_data = &writer;
  writer.errors.error_exit = JpegWriter::on_error;
  if (setjmp(writer.failed)) return false;
  jpeg_create_compress(&info);
  jpeg_mem_dest(&info, &writer.bytes, &writer.size);
  info.image_width = static_cast<JDIMENSION>(picture.cols);
  info.image_height = static_cast<JDIMENSION>(picture.rows);
  info.input_components = 3;
  info.in_color_space = JCS_EXT_BGR;
  jpeg_set_defaults(&info);
  jpeg_set_quality(&info, quality, TRUE);
  info.optimize_coding = small ? TRUE : FALSE;
  jpeg_start_compress(&info, TRUE);
  for (int y = 0; y < picture.rows; ++y) {
    auto* row = const_cast<JSAMPROW>(picture.ptr(y));  // libjpeg's interface knows no const
    jpeg_write_scanlines(&info, &row, 1);
  }
  jpeg_finish_compress(&info);
  return true;
}

}  // namespace

std::vector<unsigned char> encode_png(const cv::Mat& picture) {
  require_colour(picture);
  PngWriter writer;
  if (!write_png(writer, picture)) refuse(picture, "PNG");
  return std::move(writer.bytes);
}

std::vector<unsigned char> encode_jpeg(const cv::Mat& picture, int quality, bool small) {
  require_colour(picture);
  JpegWriter writer;
  if (!write_jpeg(writer, picture, quality, small)) refuse(picture, "JPEG");
  return {writer.bytes, writer.bytes + writer.size};
}

std::vector<unsigned char> encode_webp(const cv::Mat& picture, int quality) {
  require_colour(picture);
  unsigned char* bytes = nullptr;
  const size_t size = WebPEncodeBGR(picture.data, picture.cols, picture.rows, static_cast<int>(picture.step),
                                    static_cast<float>(quality), &bytes);
  const std::unique_ptr<unsigned char, codecs::Release<WebPFree>> owner(bytes);
  if (size == 0) refuse(picture, "WebP");
  return {bytes, bytes + size};
}

}  // namespace attend
