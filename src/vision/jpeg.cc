#include <csetjmp>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

// clang-format off: jpeglib.h needs FILE, jerror.h needs jpeglib.h
#include <jpeglib.h>
// What it names depends on what jpeglib.h says this libjpeg can.
#include <jerror.h>
// clang-format on

#include "vision/codecs.h"
#include "vision/colour_profile.h"

namespace attend::codecs {
namespace {

/// What a progressive JPEG may cost: visits of its blocks of 8x8 samples, scan by scan. An encoder's usual scans visit
/// each ten times; without a limit a few kilobytes could take minutes.
constexpr int64_t kMostVisits = 24, kFreeVisits = 1 << 25;

/// libjpeg's state with errors that jump back to decode_into() instead of ending the process.
struct Decoder {
  jpeg_decompress_struct info{};
  jpeg_error_mgr errors{};
  jpeg_progress_mgr progress{};
  std::jmp_buf failed;
  char message[JMSG_LENGTH_MAX] = "";
  bool unread = false;      // a kind of JPEG that libjpeg doesn't decode
  bool ended = false;       // the file has no end marker
  int scan = 0;             // the last one that was counted
  int64_t visits = 0;       // of blocks
  unsigned components = 0;  // that a scan has brought, a bit each

  ~Decoder() { jpeg_destroy_decompress(&info); }
};

[[noreturn]] void fail(j_common_ptr info, const char* message) {
  auto* decoder = static_cast<Decoder*>(info->client_data);
  std::snprintf(decoder->message, sizeof decoder->message, "%s", message);
  std::longjmp(decoder->failed, 1);
}

[[noreturn]] void on_error(j_common_ptr info) {
  auto* decoder = static_cast<Decoder*>(info->client_data);
  const auto& error = *info->err;
  char message[JMSG_LENGTH_MAX];
  error.format_message(info, message);
  const bool is_jpeg_ls = error.msg_code == JERR_UNKNOWN_MARKER && error.msg_parm.i[0] == 0xf7;
  decoder->unread = is_jpeg_ls || error.msg_code == JERR_BAD_PRECISION || error.msg_code == JERR_SOF_UNSUPPORTED ||
                    error.msg_code == JERR_CONVERSION_NOTIMPL;
  if (error.msg_code == JERR_BAD_PRECISION)
    std::snprintf(message, sizeof message, "a %d-bit JPEG", error.msg_parm.i[0]);
  else if (error.msg_code == JERR_SOF_UNSUPPORTED)
    std::snprintf(message, sizeof message, "a %s JPEG (SOF%d)",
                  error.msg_parm.i[0] == 0xc3 ? "lossless" : "hierarchical", error.msg_parm.i[0] - 0xc0);
  else if (is_jpeg_ls)
    std::snprintf(message, sizeof message, "a JPEG-LS");
  else if (error.msg_code == JERR_CONVERSION_NOTIMPL)
    std::snprintf(message, sizeof message, "a JPEG of %d components",
                  reinterpret_cast<j_decompress_ptr>(info)->num_components);
  fail(info, message);
}

/// libjpeg paints missing or damaged data grey and warns; here it is an error. Stray bytes between markers,
/// odd version numbers and the like leave the pixels whole.
void on_message(j_common_ptr info, int level) {
  if (level >= 0) return;
  switch (info->err->msg_code) {
    case JWRN_JPEG_EOF:  // perhaps nothing but the end marker is missing; an arithmetic decoder wouldn't notice more
      if (reinterpret_cast<j_decompress_ptr>(info)->arith_code) fail(info, "ends too early (cut short)");
      static_cast<Decoder*>(info->client_data)->ended = true;
      return;
    case JWRN_HIT_MARKER:
      fail(info, "ends too early (cut short)");
    case JWRN_HUFF_BAD_CODE:
    case JWRN_ARITH_BAD_CODE:
    case JWRN_MUST_RESYNC:
      fail(info, "damaged pixel data");
    default:
      return;
  }
}

int64_t blocks_of(const jpeg_decompress_struct& info) {
  int64_t blocks = 0;
  for (int i = 0; i < info.num_components; ++i)
    blocks += int64_t{info.comp_info[i].width_in_blocks} * info.comp_info[i].height_in_blocks;
  return blocks;
}

/// Called all the while a file of several scans is read.
void on_progress(j_common_ptr common) {
  const auto& info = *reinterpret_cast<j_decompress_ptr>(common);
  auto& decoder = *static_cast<Decoder*>(common->client_data);
  if (info.input_scan_number == decoder.scan) return;
  decoder.scan = info.input_scan_number;
  for (int i = 0; i < info.comps_in_scan; ++i) decoder.components |= 1u << info.cur_comp_info[i]->component_index;
  decoder.visits += int64_t{info.MCUs_per_row} * info.MCU_rows_in_scan * info.blocks_in_MCU;
  if (decoder.visits <= kMostVisits * blocks_of(info) + kFreeVisits) return;
  char message[100];
  std::snprintf(message, sizeof message, "more scans (%d) than its size warrants", decoder.scan);
  fail(common, message);
}

/// Whether a file of several scans, read to its end, has brought all it can.
bool has_every_scan(const Decoder& decoder) {
  const auto& info = decoder.info;
  if (!info.progressive_mode) return decoder.components + 1 == 1u << info.num_components;
  for (int component = 0; component < info.num_components; ++component)
    for (int coefficient = 0; coefficient < DCTSIZE2; ++coefficient)
      if (info.coef_bits[component][coefficient] != 0) return false;
  return true;
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

void save_profile(jpeg_decompress_struct& info, std::vector<unsigned char>& profile) {
  JOCTET* bytes = nullptr;
  unsigned size = 0;
  if (!jpeg_read_icc_profile(&info, &bytes, &size)) return;
  profile.assign(bytes, bytes + size);
  std::free(bytes);
}

/// Decodes into `stored` (BGR, or CMYK as it is stored) and `profile` (ICC's, or empty). Returns false with decoder.message set on failure. Owns
/// nothing: a jump out of libjpeg passes over its frame.
bool decode_into(Decoder& decoder, Bytes file, int reduce_to, const ReadLimits& limits, Stored& stored,
                 std::vector<unsigned char>& profile) {
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
  jpeg_save_markers(&info, JPEG_APP0 + 2, 0xffff);
  jpeg_read_header(&info, TRUE);
  check_size(info.image_width, info.image_height, limits);
  // Each block of the first scan takes at least a bit.
  if (!info.arith_code && static_cast<uint64_t>(blocks_of(info) / info.num_components) > 8 * uint64_t{file.size()})
    fail(reinterpret_cast<j_common_ptr>(&info), "ends too early (cut short)");
  stored.full = cv::Size(static_cast<int>(info.image_width), static_cast<int>(info.image_height));
  stored.orientation = saved_orientation(info);
  save_profile(info, profile);

  const bool cmyk = info.jpeg_color_space == JCS_CMYK || info.jpeg_color_space == JCS_YCCK;
  info.out_color_space = cmyk ? JCS_CMYK : JCS_EXT_BGR;
  info.scale_num = 1;
  info.scale_denom = reduction(info, reduce_to);
  jpeg_start_decompress(&info);
  if (decoder.ended && jpeg_has_multiple_scans(&info) && !has_every_scan(decoder))
    fail(reinterpret_cast<j_common_ptr>(&info), "ends too early (cut short)");
  stored.pixels.create(static_cast<int>(info.output_height), static_cast<int>(info.output_width),
                       cmyk ? CV_8UC4 : CV_8UC3);
  while (info.output_scanline < info.output_height) {
    JSAMPROW row = stored.pixels.ptr(static_cast<int>(info.output_scanline));
    jpeg_read_scanlines(&info, &row, 1);
  }
  jpeg_finish_decompress(&info);
  return true;
}

/// CMYK without a profile: each ink takes its share of the light. The file holds the light that each leaves, as Adobe
/// began it and all programs write it; whether the marker that says so has survived doesn't matter.
cv::Mat cmyk_to_bgr(const cv::Mat& light) {
  cv::Mat bgr(light.size(), CV_8UC3);
  for (int y = 0; y < light.rows; ++y) {
    const auto* from = light.ptr<cv::Vec4b>(y);
    auto* to = bgr.ptr<cv::Vec3b>(y);
    for (int x = 0; x < light.cols; ++x)
      for (int channel = 0; channel < 3; ++channel)
        to[x][channel] = static_cast<unsigned char>((from[x][2 - channel] * from[x][3] + 127) / 255);
  }
  return bgr;
}

}  // namespace

Stored read_jpeg(Bytes file, int reduce_to, const ReadLimits& limits) {
  Decoder decoder;
  Stored stored;
  std::vector<unsigned char> profile;
  const bool whole = decode_into(decoder, file, reduce_to, limits, stored, profile);
  // NUL bytes may stand for blocks of pixels; only where the end mark follows, they are all of the picture's.
  if (whole && decoder.ended && ends_unwritten(file))
    throw Undecodable("not a whole JPEG: its last bytes were never written");
  if (!whole)
    throw Undecodable(decoder.unread
                          ? decoder.message + std::string(" is not read; convert it to an ordinary JPEG first")
                          : std::string("not a whole JPEG: ") + decoder.message);
  if (stored.pixels.channels() == 4) {
    const cv::Mat light = stored.pixels;
    stored.pixels = cmyk_to_srgb(light, profile);
    if (stored.pixels.empty()) stored.pixels = cmyk_to_bgr(light);
  } else {
    to_srgb(stored.pixels, profile);
  }
  return stored;
}

}  // namespace attend::codecs
