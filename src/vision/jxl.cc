#include <jxl/decode.h>
#include <jxl/encode.h>
#include <jxl/version.h>

#include <memory>
#include <new>
#include <opencv2/imgproc.hpp>
#include <vector>

#include "vision/codecs.h"
#include "vision/colour_profile.h"
#include "vision/quiet.h"

namespace attend::codecs {
namespace {

void check_inks(const JxlDecoder* decoder, const JxlBasicInfo& info) {
  for (uint32_t i = 0; i < info.num_extra_channels; ++i) {
    JxlExtraChannelInfo extra;
    if (JxlDecoderGetExtraChannelInfo(decoder, i, &extra) == JXL_DEC_SUCCESS && extra.type == JXL_CHANNEL_BLACK)
      throw Undecodable("a CMYK JPEG XL is not read; convert it to JPEG or PNG first");
  }
}

// libjxl 0.9 dropped a parameter that was never used.
#if JPEGXL_NUMERIC_VERSION < JPEGXL_COMPUTE_NUMERIC_VERSION(0, 9, 0)
constexpr auto size_of_profile = [](JxlDecoder* decoder, JxlColorProfileTarget target, size_t* size) {
  return JxlDecoderGetICCProfileSize(decoder, nullptr, target, size);
};
constexpr auto copy_profile = [](JxlDecoder* decoder, JxlColorProfileTarget target, unsigned char* to, size_t size) {
  return JxlDecoderGetColorAsICCProfile(decoder, nullptr, target, to, size);
};
#else
constexpr auto size_of_profile = JxlDecoderGetICCProfileSize;
constexpr auto copy_profile = JxlDecoderGetColorAsICCProfile;
#endif

/// The profile of the pixels that the decoder hands out: sRGB's where it can choose, else the file's own.
std::vector<unsigned char> choose_profile(JxlDecoder* decoder, bool grey) {
  JxlColorEncoding srgb;
  JxlColorEncodingSetToSRGB(&srgb, grey);
  JxlDecoderSetPreferredColorProfile(decoder, &srgb);
  size_t size = 0;
  if (size_of_profile(decoder, JXL_COLOR_PROFILE_TARGET_DATA, &size) != JXL_DEC_SUCCESS) return {};
  std::vector<unsigned char> profile(size);
  if (copy_profile(decoder, JXL_COLOR_PROFILE_TARGET_DATA, profile.data(), size) != JXL_DEC_SUCCESS) return {};
  return profile;
}

}  // namespace

Stored read_jxl(Bytes file, const ReadLimits& limits) {
  const Quiet quiet;
  const std::unique_ptr<JxlDecoder, Release<JxlDecoderDestroy>> decoder(JxlDecoderCreate(nullptr));
  if (!decoder) throw std::bad_alloc();
  JxlDecoderSubscribeEvents(decoder.get(), JXL_DEC_BASIC_INFO | JXL_DEC_COLOR_ENCODING | JXL_DEC_FULL_IMAGE);
  JxlDecoderSetUnpremultiplyAlpha(decoder.get(), JXL_TRUE);
  JxlDecoderSetInput(decoder.get(), file.data(), file.size());
  JxlDecoderCloseInput(decoder.get());
  JxlBasicInfo info{};
  std::vector<unsigned char> profile;
  cv::Mat pixels;  // RGB or RGBA, upright: libjxl turns as the file says
  for (bool whole = false; !whole;) {
    switch (JxlDecoderProcessInput(decoder.get())) {
      case JXL_DEC_BASIC_INFO:
        if (JxlDecoderGetBasicInfo(decoder.get(), &info) != JXL_DEC_SUCCESS)
          throw Undecodable("not a whole JPEG XL: damaged header");
        check_size(info.xsize, info.ysize, limits);
        check_inks(decoder.get(), info);
        break;
      case JXL_DEC_COLOR_ENCODING:
        profile = choose_profile(decoder.get(), info.num_color_channels == 1);
        break;
      case JXL_DEC_NEED_IMAGE_OUT_BUFFER: {
        const JxlPixelFormat format{info.alpha_bits > 0 ? 4u : 3u, JXL_TYPE_UINT8, JXL_NATIVE_ENDIAN, 0};
        pixels.create(static_cast<int>(info.ysize), static_cast<int>(info.xsize),
                      info.alpha_bits > 0 ? CV_8UC4 : CV_8UC3);
        if (JxlDecoderSetImageOutBuffer(decoder.get(), &format, pixels.data, pixels.total() * pixels.elemSize()) !=
            JXL_DEC_SUCCESS)
          throw Undecodable("not a whole JPEG XL: damaged header");
        break;
      }
      case JXL_DEC_FULL_IMAGE:
        whole = true;
        break;
      case JXL_DEC_NEED_MORE_INPUT:
        throw Undecodable("not a whole JPEG XL: ends too early (cut short)");
      case JXL_DEC_SUCCESS:
        throw Undecodable("a JPEG XL without a picture");
      default:
        throw Undecodable("not a whole JPEG XL: cut short or damaged");
    }
  }
  Stored stored;
  stored.full = pixels.size();
  cv::cvtColor(pixels, pixels, pixels.channels() == 4 ? cv::COLOR_RGBA2BGRA : cv::COLOR_RGB2BGR);
  to_srgb(pixels, profile);
  if (pixels.channels() == 4)
    lay_over_white(pixels, stored.pixels);
  else
    stored.pixels = pixels;
  return stored;
}

}  // namespace attend::codecs
