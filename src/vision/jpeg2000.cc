#include <openjpeg.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "vision/codecs.h"
#include "vision/colour_profile.h"

namespace attend::codecs {
namespace {

using Codec = std::unique_ptr<opj_codec_t, Release<opj_destroy_codec>>;
using Image = std::unique_ptr<opj_image_t, Release<opj_image_destroy>>;
using Stream = std::unique_ptr<opj_stream_t, Release<opj_stream_destroy>>;

/// A file in memory as OpenJPEG's input.
struct Source {
  Bytes file;
  size_t at = 0;
};

OPJ_SIZE_T read_bytes(void* to, OPJ_SIZE_T size, void* from) {
  auto& source = *static_cast<Source*>(from);
  const size_t count = std::min<size_t>(size, source.file.size() - source.at);
  if (count == 0) return static_cast<OPJ_SIZE_T>(-1);  // its word for the end
  std::memcpy(to, source.file.data() + source.at, count);
  source.at += count;
  return count;
}

OPJ_OFF_T skip(OPJ_OFF_T size, void* from) {
  auto& source = *static_cast<Source*>(from);
  const auto left = static_cast<OPJ_OFF_T>(source.file.size() - source.at);
  if (size < 0 || left == 0) return -1;
  const OPJ_OFF_T count = std::min(size, left);
  source.at += static_cast<size_t>(count);
  return count;
}

OPJ_BOOL seek(OPJ_OFF_T to, void* from) {
  auto& source = *static_cast<Source*>(from);
  if (to < 0 || static_cast<size_t>(to) > source.file.size()) return OPJ_FALSE;
  source.at = static_cast<size_t>(to);
  return OPJ_TRUE;
}

void keep_message(const char* message, void* into) {
  auto& text = *static_cast<std::string*>(into);
  text = message;
  for (char& letter : text)
    if (static_cast<unsigned char>(letter) < ' ') letter = ' ';
  while (text.ends_with(' ')) text.pop_back();
}

/// A component's samples in eight bits, [H, W]; smaller ones are stretched over the picture.
cv::Mat samples_of(const opj_image_comp_t& component, cv::Size size) {
  if (!component.data || component.w == 0 || component.h == 0 || component.prec == 0 || component.prec > 31)
    throw Undecodable("not a whole JPEG 2000: damaged header");
  const int64_t most = (int64_t{1} << component.prec) - 1, least = component.sgnd ? -(most + 1) / 2 : 0;
  const auto width = static_cast<int>(component.w), height = static_cast<int>(component.h);
  cv::Mat samples(size, CV_8UC1);
  for (int y = 0; y < size.height; ++y) {
    const OPJ_INT32* row = component.data + static_cast<size_t>(int64_t{y} * height / size.height) * component.w;
    for (int x = 0; x < size.width; ++x) {
      const int64_t value =
          std::clamp<int64_t>(row[width == size.width ? x : int64_t{x} * width / size.width] - least, 0, most);
      samples.ptr(y)[x] = static_cast<unsigned char>((value * 255 + most / 2) / most);
    }
  }
  return samples;
}

/// sYCC (IEC 61966-2-1, amendment 1): the matrix of BT.601 over the full range.
void ycc_to_bgr(cv::Mat& pixels) {
  for (int y = 0; y < pixels.rows; ++y)
    for (int x = 0; x < pixels.cols; ++x) {
      auto* pixel = pixels.ptr(y) + x * pixels.channels();  // Cr, Cb, Y as BGR lie
      const double luma = pixel[2], cb = pixel[1] - 128.0, cr = pixel[0] - 128.0;
      pixel[0] = cv::saturate_cast<unsigned char>(luma + 1.772 * cb);
      pixel[1] = cv::saturate_cast<unsigned char>(luma - 0.344136 * cb - 0.714136 * cr);
      pixel[2] = cv::saturate_cast<unsigned char>(luma + 1.402 * cr);
    }
}

/// BGR or BGRA of what was decoded.
cv::Mat pixels_of(const opj_image_t& image) {
  int alpha = -1;
  for (OPJ_UINT32 i = 0; i < image.numcomps; ++i)
    if (image.comps[i].alpha) alpha = static_cast<int>(i);
  // Of files without channel definitions, too: grey or RGB with one more is with alpha, as its writers mean it.
  if (alpha < 0 && (image.numcomps == 2 || image.numcomps == 4)) alpha = static_cast<int>(image.numcomps) - 1;
  const int colours = static_cast<int>(image.numcomps) - (alpha >= 0);
  if (colours != 1 && colours != 3)
    throw Undecodable("a JPEG 2000 of " + std::to_string(colours) +
                      " colours is not read; convert it to JPEG or PNG first");
  const cv::Size size(static_cast<int>(image.comps[0].w), static_cast<int>(image.comps[0].h));
  std::vector<cv::Mat> channels;  // Y, Cb, Cr turn up where red, green, blue do
  for (int i = 0; static_cast<int>(channels.size()) < colours; ++i)
    if (i != alpha) channels.push_back(samples_of(image.comps[i], size));
  if (colours == 1) channels = {channels[0], channels[0], channels[0]};
  std::swap(channels[0], channels[2]);
  if (alpha >= 0) channels.push_back(samples_of(image.comps[alpha], size));
  cv::Mat pixels;
  cv::merge(channels, pixels);
  const bool halved = colours == 3 && image.comps[1].w < image.comps[0].w;
  if (colours == 3 && (image.color_space == OPJ_CLRSPC_SYCC || (image.color_space == OPJ_CLRSPC_UNSPECIFIED && halved)))
    ycc_to_bgr(pixels);
  return pixels;
}

}  // namespace

Stored read_jpeg2000(Bytes file, const ReadLimits& limits) {
  constexpr OPJ_UINT32 kMostComponents = 5;
  std::string said;
  const auto fail = [&] {
    throw Undecodable("not a whole JPEG 2000: " + (said.empty() ? "cut short or damaged" : said));
  };
  const auto last = std::find_if(file.rbegin(), file.rend(), [](unsigned char byte) { return byte != 0; });
  if (ends_unwritten(file) && !(file.rend() - last > 1 && last[0] == 0xd9 && last[1] == 0xff)) {  // its code's end mark
    said = "its last bytes were never written";
    fail();
  }
  const bool bare = file.size() > 1 && file[0] == 0xff;  // a code stream without boxes around it
  const Codec codec(opj_create_decompress(bare ? OPJ_CODEC_J2K : OPJ_CODEC_JP2));
  Source source{file};
  const Stream stream(opj_stream_create(1 << 16, OPJ_TRUE));
  if (!codec || !stream) throw std::bad_alloc();
  opj_set_error_handler(codec.get(), keep_message, &said);
  opj_stream_set_user_data(stream.get(), &source, nullptr);
  opj_stream_set_user_data_length(stream.get(), file.size());
  opj_stream_set_read_function(stream.get(), read_bytes);
  opj_stream_set_skip_function(stream.get(), skip);
  opj_stream_set_seek_function(stream.get(), seek);

  opj_dparameters_t parameters;
  opj_set_default_decoder_parameters(&parameters);
  opj_image_t* header = nullptr;
  const bool set_up = opj_setup_decoder(codec.get(), &parameters);
  const bool read = set_up && opj_read_header(stream.get(), codec.get(), &header);
  const Image image(header);
  if (!read || !image || image->numcomps == 0) fail();
  check_size(int64_t{image->x1} - image->x0, int64_t{image->y1} - image->y0, limits);
  if (image->numcomps > kMostComponents)
    throw Undecodable("a JPEG 2000 of " + std::to_string(image->numcomps) +
                      " components is not read; convert it to JPEG or PNG first");
  if (!opj_decode(codec.get(), stream.get(), image.get()) || image->numcomps == 0) fail();
  if (image->color_space == OPJ_CLRSPC_CMYK || image->color_space == OPJ_CLRSPC_EYCC ||
      (image->icc_profile_buf && image->icc_profile_len == 0))
    throw Undecodable("a JPEG 2000 in CMYK, e-YCC or Lab is not read; convert it to JPEG or PNG first");

  Stored stored;
  cv::Mat pixels = pixels_of(*image);
  stored.full = pixels.size();
  if (image->icc_profile_buf) to_srgb(pixels, {image->icc_profile_buf, image->icc_profile_len});
  if (pixels.channels() == 4)
    lay_over_white(pixels, stored.pixels);
  else
    stored.pixels = pixels;
  return stored;
}

}  // namespace attend::codecs
