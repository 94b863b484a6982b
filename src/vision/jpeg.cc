#include <csetjmp>
#include <cstdio>
#include <string>

// clang-format off: jpeglib.h needs FILE, jerror.h needs jpeglib.h
#include <jpeglib.h>
#include <jerror.h>
// clang-format on

#include "vision/codecs.h"

namespace attend::codecs {
namespace {

constexpr int most_scans = 500;  // a few kilobytes of progressive scans can otherwise take minutes

/// libjpeg's state with errors that jump back to decode_into() instead of ending the process.
struct Decoder {
  jpeg_decompress_struct info{};
  jpeg_error_mgr errors{};
  jpeg_progress_mgr progress{};
  std::jmp_buf failed;
  char message[JMSG_LENGTH_MAX] = "";

  ~Decoder() { jpeg_destroy_decompress(&info); }
};

[[noreturn]] void fail(j_common_ptr info) {
  auto* decoder = static_cast<Decoder*>(info->client_data);
  std::longjmp(decoder->failed, 1);
}

[[noreturn]] void on_error(j_common_ptr info) {
  info->err->format_message(info, static_cast<Decoder*>(info->client_data)->message);
  fail(info);
}

/// libjpeg paints missing or damaged data grey and warns; here it is an error. Stray bytes between markers,
/// odd version numbers and the like leave the pixels whole.
void on_message(j_common_ptr info, int level) {
  if (level >= 0) return;
  switch (info->err->msg_code) {
    case JWRN_JPEG_EOF:
    case JWRN_HIT_MARKER:
      std::snprintf(static_cast<Decoder*>(info->client_data)->message, JMSG_LENGTH_MAX, "ends too early (cut short)");
      fail(info);
    case JWRN_HUFF_BAD_CODE:
    case JWRN_ARITH_BAD_CODE:
    case JWRN_MUST_RESYNC:
      std::snprintf(static_cast<Decoder*>(info->client_data)->message, JMSG_LENGTH_MAX, "damaged pixel data");
      fail(info);
    default:
      return;
  }
}

void on_progress(j_common_ptr info) {
  if (reinterpret_cast<j_decompress_ptr>(info)->input_scan_number <= most_scans) return;
  std::snprintf(static_cast<Decoder*>(info->client_data)->message, JMSG_LENGTH_MAX, "more than %d scans", most_scans);
  fail(info);
}

/// The largest of libjpeg's fast reductions that leaves both sides at least `reduce_to` long.
unsigned reduction(const jpeg_decompress_struct& info, int reduce_to) {
  if (reduce_to <= 0) return 1;
  const auto least = static_cast<unsigned>(reduce_to);
  for (const unsigned divisor : {8u, 4u, 2u})
    if (info.image_width / divisor >= least && info.image_height / divisor >= least) return divisor;
  return 1;
}

int saved_orientation(const jpeg_decompress_struct& info) {
  for (auto* marker = info.marker_list; marker; marker = marker->next) {
    const Bytes data{marker->data, marker->data_length};
    if (data.size() > 6 && data[0] == 'E' && data[1] == 'x' && data[2] == 'i' && data[3] == 'f')
      return exif_orientation(data);
  }
  return 1;
}

/// Decodes into `pixels` (BGR, or CMYK as it is stored). Returns false with decoder.message set on failure. Owns
/// nothing: a jump out of libjpeg passes over its frame.
bool decode_into(Decoder& decoder, Bytes file, int reduce_to, const ReadLimits& limits, Stored& stored) {
  auto& info = decoder.info;
  info.err = jpeg_std_error(&decoder.errors);
  info.client_data = &decoder;
  decoder.errors.error_exit = on_error;
  decoder.errors.emit_message = on_message;
  if (setjmp(decoder.failed)) return false;

  jpeg_create_decompress(&info);
  decoder.progress.progress_monitor = on_progress;
  info.progress = &decoder.progress;
  jpeg_mem_src(&info, file.data(), file.size());
  jpeg_save_markers(&info, JPEG_APP0 + 1, 0xffff);
  jpeg_read_header(&info, TRUE);
  check_size(info.image_width, info.image_height, limits);
  stored.full = cv::Size(static_cast<int>(info.image_width), static_cast<int>(info.image_height));
  stored.orientation = saved_orientation(info);

  const bool cmyk = info.jpeg_color_space == JCS_CMYK || info.jpeg_color_space == JCS_YCCK;
  info.out_color_space = cmyk ? JCS_CMYK : JCS_EXT_BGR;
  info.scale_num = 1;
  info.scale_denom = reduction(info, reduce_to);
  jpeg_start_decompress(&info);
  stored.pixels.create(static_cast<int>(info.output_height), static_cast<int>(info.output_width),
                       cmyk ? CV_8UC4 : CV_8UC3);
  while (info.output_scanline < info.output_height) {
    JSAMPROW row = stored.pixels.ptr(static_cast<int>(info.output_scanline));
    jpeg_read_scanlines(&info, &row, 1);
  }
  jpeg_finish_decompress(&info);  // reads on to the end marker, so that a file cut just before it is noticed
  return true;
}

/// CMYK without a profile: each ink takes its share of the light. Adobe's files hold the light that is left, all others
/// the ink.
cv::Mat cmyk_to_bgr(const cv::Mat& cmyk, bool inverted) {
  cv::Mat bgr(cmyk.size(), CV_8UC3);
  for (int y = 0; y < cmyk.rows; ++y) {
    const auto* from = cmyk.ptr<cv::Vec4b>(y);
    auto* to = bgr.ptr<cv::Vec3b>(y);
    for (int x = 0; x < cmyk.cols; ++x) {
      const auto light = [&](int ink) { return inverted ? from[x][ink] : 255 - from[x][ink]; };
      for (int channel = 0; channel < 3; ++channel)
        to[x][channel] = static_cast<unsigned char>((light(2 - channel) * light(3) + 127) / 255);
    }
  }
  return bgr;
}

}  // namespace

Stored read_jpeg(Bytes file, int reduce_to, const ReadLimits& limits) {
  Decoder decoder;
  Stored stored;
  if (!decode_into(decoder, file, reduce_to, limits, stored))
    throw Undecodable(std::string("not a whole JPEG: ") + decoder.message);
  if (stored.pixels.channels() == 4) stored.pixels = cmyk_to_bgr(stored.pixels, decoder.info.saw_Adobe_marker);
  return stored;
}

}  // namespace attend::codecs
