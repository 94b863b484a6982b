#include "vision/colour_profile.h"

#include <lcms2.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

namespace attend::codecs {
namespace {

using Profile = std::unique_ptr<void, decltype([](cmsHPROFILE profile) { cmsCloseProfile(profile); })>;
using Transform = std::shared_ptr<void>;  // null: nothing to do

/// Whether a transform of BGR moves no colour by more than `most`.
bool is_identity(cmsHTRANSFORM transform, int most) {
  std::vector<unsigned char> in;
  for (int i = 0; i < 16 * 16 * 16; ++i)  // b, g, r of 0, 17, … 255
    for (const int level : {i % 16, i / 16 % 16, i / 256}) in.push_back(static_cast<unsigned char>(17 * level));
  std::vector<unsigned char> out(in.size());
  cmsDoTransform(transform, in.data(), out.data(), static_cast<cmsUInt32Number>(in.size() / 3));
  for (size_t i = 0; i < in.size(); ++i)
    if (std::abs(in[i] - out[i]) > most) return false;
  return true;
}

Transform make_transform(std::span<const unsigned char> bytes, cmsUInt32Number from, cmsUInt32Number to,
                         cmsColorSpaceSignature space) {
  const Profile profile(cmsOpenProfileFromMem(bytes.data(), static_cast<cmsUInt32Number>(bytes.size())));
  if (!profile || cmsGetColorSpace(profile.get()) != space) return nullptr;
  const Profile srgb(cmsCreate_sRGBProfile());
  // Grey has 256 levels to compute; optimized for many pixels, curves would be a few levels off where it is dark.
  const cmsUInt32Number exactly = space == cmsSigGrayData ? cmsFLAGS_NOOPTIMIZE : 0;
  const auto make = [&](cmsUInt32Number in, cmsUInt32Number out) {
    return Transform(cmsCreateTransform(profile.get(), in, srgb.get(), out, INTENT_PERCEPTUAL,
                                        cmsFLAGS_NOCACHE | cmsFLAGS_COPY_ALPHA | exactly),
                     [](cmsHTRANSFORM made) {
                       if (made) cmsDeleteTransform(made);
                     });
  };
  if (space == cmsSigRgbData) {
    const Transform plain = make(TYPE_BGR_8, TYPE_BGR_8);
    if (!plain || is_identity(plain.get(), 2)) return nullptr;
  }
  return make(from, to);
}

/// make_transform(), remembered for the last few profiles.
Transform transform_of(std::span<const unsigned char> profile, cmsUInt32Number from, cmsUInt32Number to,
                       cmsColorSpaceSignature space) {
  constexpr size_t kMostRemembered = 16, kMostBytes = 4 << 20;
  if (profile.size() > kMostBytes) return nullptr;
  static std::mutex mutex;
  static std::map<std::pair<cmsUInt32Number, std::string>, Transform> known;
  std::pair key(from, std::string(reinterpret_cast<const char*>(profile.data()), profile.size()));
  {
    const std::lock_guard lock(mutex);
    if (const auto found = known.find(key); found != known.end()) return found->second;
  }
  Transform made = make_transform(profile, from, to, space);
  const std::lock_guard lock(mutex);
  if (known.size() >= kMostRemembered) known.clear();
  return known.emplace(std::move(key), std::move(made)).first->second;
}

}  // namespace

namespace {

bool is_grey(const cv::Mat& pixels) {
  const int channels = pixels.channels();
  for (int y = 0; y < pixels.rows; ++y) {
    const auto* row = pixels.ptr(y);
    for (int x = 0; x < pixels.cols; ++x, row += channels)
      if (row[0] != row[1] || row[1] != row[2]) return false;
  }
  return true;
}

/// to_srgb() for a profile of grey: 256 levels, each a colour of sRGB.
void grey_to_srgb(cv::Mat& pixels, std::span<const unsigned char> profile) {
  if (!is_grey(pixels)) return;
  const Transform transform = transform_of(profile, TYPE_GRAY_8, TYPE_BGR_8, cmsSigGrayData);
  if (!transform) return;
  unsigned char levels[256], colours[256][3];
  for (int i = 0; i < 256; ++i) levels[i] = static_cast<unsigned char>(i);
  cmsDoTransform(transform.get(), levels, colours, 256);
  int most = 0;
  for (int i = 0; i < 256; ++i)
    for (const int value : colours[i]) most = std::max(most, std::abs(value - i));
  if (most <= 2) return;
  const int channels = pixels.channels();
  for (int y = 0; y < pixels.rows; ++y) {
    auto* row = pixels.ptr(y);
    for (int x = 0; x < pixels.cols; ++x, row += channels) std::copy_n(colours[row[0]], 3, row);
  }
}

}  // namespace

void to_srgb(cv::Mat& pixels, std::span<const unsigned char> profile) {
  if (profile.empty() || pixels.empty()) return;
  constexpr size_t kColourSpaceAt = 16;
  const std::string_view bytes(reinterpret_cast<const char*>(profile.data()), profile.size());
  if (bytes.size() > kColourSpaceAt && bytes.substr(kColourSpaceAt).starts_with("GRAY"))
    return grey_to_srgb(pixels, profile);
  const cmsUInt32Number format = pixels.channels() == 4 ? TYPE_BGRA_8 : TYPE_BGR_8;
  const Transform transform = transform_of(profile, format, format, cmsSigRgbData);
  if (!transform) return;
  for (int y = 0; y < pixels.rows; ++y)
    cmsDoTransform(transform.get(), pixels.ptr(y), pixels.ptr(y), static_cast<cmsUInt32Number>(pixels.cols));
}

cv::Mat cmyk_to_srgb(const cv::Mat& light, std::span<const unsigned char> profile) {
  if (profile.empty()) return {};
  const Transform transform = transform_of(profile, TYPE_CMYK_8_REV, TYPE_BGR_8, cmsSigCmykData);
  if (!transform) return {};
  cv::Mat bgr(light.size(), CV_8UC3);
  for (int y = 0; y < light.rows; ++y)
    cmsDoTransform(transform.get(), light.ptr(y), bgr.ptr(y), static_cast<cmsUInt32Number>(light.cols));
  return bgr;
}

std::vector<unsigned char> profile_of(const Primaries& primaries) {
  const cmsCIExyY white{0.3127, 0.3290, 1};
  const auto point = [](const double(&xy)[2]) { return cmsCIExyY{xy[0], xy[1], 1}; };
  const cmsCIExyYTRIPLE points{point(primaries.red), point(primaries.green), point(primaries.blue)};
  const double curve[] = {2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045};  // IEC 61966-2-1
  const std::unique_ptr<cmsToneCurve, decltype(&cmsFreeToneCurve)> tone(cmsBuildParametricToneCurve(nullptr, 4, curve),
                                                                        cmsFreeToneCurve);
  cmsToneCurve* tones[] = {tone.get(), tone.get(), tone.get()};
  const Profile profile(cmsCreateRGBProfile(&white, &points, tones));
  cmsUInt32Number size = 0;
  if (!profile || !cmsSaveProfileToMem(profile.get(), nullptr, &size)) return {};
  std::vector<unsigned char> bytes(size);
  if (!cmsSaveProfileToMem(profile.get(), bytes.data(), &size)) return {};
  return bytes;
}

}  // namespace attend::codecs
