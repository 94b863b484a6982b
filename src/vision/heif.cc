#include <libheif/heif.h>

#include <cstdint>
#include <memory>
#include <opencv2/imgproc.hpp>
#include <string>
#include <vector>

#include "vision/codecs.h"
#include "vision/colour_profile.h"
#include "vision/quiet.h"

namespace attend::codecs {
namespace {

using Context = std::unique_ptr<heif_context, Release<heif_context_free>>;
using Handle = std::unique_ptr<heif_image_handle, Release<heif_image_handle_release>>;
using Image = std::unique_ptr<heif_image, Release<heif_image_release>>;
using Options = std::unique_ptr<heif_decoding_options, Release<heif_decoding_options_free>>;

/// Throws what libheif says, on one line.
void check(const heif_error& error) {
  if (error.code == heif_error_Ok) return;
  if (error.subcode == heif_suberror_Unsupported_codec)
    throw Undecodable("its pixels are compressed in a way that is not read; convert it to JPEG or PNG first");
  std::string reason = error.message;
  for (char& letter : reason)
    if (static_cast<unsigned char>(letter) < ' ') letter = ' ';
  const bool cut = error.subcode == heif_suberror_End_of_data || error.subcode == heif_suberror_No_item_data;
  throw Undecodable("not a whole HEIF file: " + (cut ? "ends too early (cut short)" : reason));
}

/// The contents of the last box of media ("mdat"), of which a file may have several; empty where there is none.
Bytes last_media_of(Bytes file) {
  const auto number = [&](uint64_t at, int bytes) {
    uint64_t value = 0;
    for (int i = 0; i < bytes; ++i) value = value << 8 | file[at + static_cast<uint64_t>(i)];
    return value;
  };
  constexpr uint64_t kMedia = 0x6d646174;
  Bytes media;
  for (uint64_t at = 0; at + 8 <= file.size();) {
    uint64_t head = 8, size = number(at, 4);
    if (size == 1 && at + 16 <= file.size()) head = 16, size = number(at + 8, 8);
    if (size == 0) size = file.size() - at;
    if (size < head || size > file.size() - at) break;
    if (number(at + 4, 4) == kMedia) media = file.subspan(at + head, size - head);
    at += size;
  }
  return media;
}

/// What lies over a picture (its alpha, or something else) has a size of its own.
void check_auxiliary_sizes(const heif_image_handle* handle, const ReadLimits& limits) {
  std::vector<heif_item_id> ids(static_cast<size_t>(heif_image_handle_get_number_of_auxiliary_images(handle, 0)));
  heif_image_handle_get_list_of_auxiliary_image_IDs(handle, 0, ids.data(), static_cast<int>(ids.size()));
  for (const auto id : ids) {
    heif_image_handle* found = nullptr;
    check(heif_image_handle_get_auxiliary_image_handle(handle, id, &found));
    const Handle auxiliary(found);
    check_size(heif_image_handle_get_width(found), heif_image_handle_get_height(found), limits);
  }
}

/// The ICC profile, or one made of the primaries' numbers (ISO/IEC 23091-2); empty where there is none, or it is
/// sRGB's.
std::vector<unsigned char> profile_of(const heif_image_handle* handle) {
  std::vector<unsigned char> profile(heif_image_handle_get_raw_color_profile_size(handle));
  if (!profile.empty()) {
    if (heif_image_handle_get_raw_color_profile(handle, profile.data()).code == heif_error_Ok) return profile;
    return {};
  }
  heif_color_profile_nclx* found = nullptr;
  if (heif_image_handle_get_nclx_color_profile(handle, &found).code != heif_error_Ok || !found) return {};
  const std::unique_ptr<heif_color_profile_nclx, Release<heif_nclx_color_profile_free>> numbers(found);
  if (found->color_primaries == heif_color_primaries_SMPTE_EG_432_1)  // Display P3
    return codecs::profile_of({{0.680, 0.320}, {0.265, 0.690}, {0.150, 0.060}});
  if (found->color_primaries == heif_color_primaries_ITU_R_BT_2020_2_and_2100_0)
    return codecs::profile_of({{0.708, 0.292}, {0.170, 0.797}, {0.131, 0.046}});
  return {};
}

}  // namespace

Stored read_heif(Bytes file, const ReadLimits& limits) {
  if (ends_unwritten(last_media_of(file)))
    throw Undecodable("not a whole HEIF file: its last bytes were never written");
  const Quiet quiet;  // dav1d isn't
  const Context context(heif_context_alloc());
  heif_context_set_max_decoding_threads(context.get(), 0);  // pictures are read side by side already
  check(heif_context_read_from_memory_without_copy(context.get(), file.data(), file.size(), nullptr));
  heif_image_handle* primary = nullptr;
  check(heif_context_get_primary_image_handle(context.get(), &primary));
  const Handle handle(primary);
  check_size(heif_image_handle_get_width(primary), heif_image_handle_get_height(primary), limits);
  check_auxiliary_sizes(primary, limits);

  const bool transparent = heif_image_handle_has_alpha_channel(primary);
  const Options options(heif_decoding_options_alloc());
  options->convert_hdr_to_8bit = 1;
  heif_image* decoded = nullptr;
  check(heif_decode_image(primary, &decoded, heif_colorspace_RGB,
                          transparent ? heif_chroma_interleaved_RGBA : heif_chroma_interleaved_RGB, options.get()));
  const Image image(decoded);
  int stride = 0;
  const auto* samples = heif_image_get_plane_readonly(decoded, heif_channel_interleaved, &stride);
  const int width = heif_image_get_width(decoded, heif_channel_interleaved),
            height = heif_image_get_height(decoded, heif_channel_interleaved);
  check_size(width, height, limits);
  if (!samples) throw Undecodable("not a whole HEIF file: no pixels");
  const cv::Mat rgb(height, width, transparent ? CV_8UC4 : CV_8UC3, const_cast<unsigned char*>(samples),
                    static_cast<size_t>(stride));

  Stored stored;  // upright already: libheif turns as the file says, and EXIF's orientation doesn't count in HEIF
  stored.full = rgb.size();
  cv::Mat pixels;
  cv::cvtColor(rgb, pixels, transparent ? cv::COLOR_RGBA2BGRA : cv::COLOR_RGB2BGR);
  to_srgb(pixels, profile_of(primary));
  if (transparent)
    lay_over_white(pixels, stored.pixels);
  else
    stored.pixels = pixels;
  return stored;
}

}  // namespace attend::codecs
