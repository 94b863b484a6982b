// From the colours that a picture's profile gives its numbers to those of sRGB, which the networks learnt from.
#pragma once

#include <opencv2/core.hpp>
#include <span>
#include <vector>

namespace attend::codecs {

/// Turns u8 BGR or BGRA from the colours of an ICC profile into sRGB's, in place and by perceptual intent; alpha stays.
/// A profile of grey counts where all pixels are grey. One that is sRGB in effect (no colour moves by more than 2 of 255), is
/// of other colours, or is damaged, changes nothing. What a profile comes to is remembered, so that an album of one camera works it out once. Any number of
/// threads may call.
void to_srgb(cv::Mat& pixels, std::span<const unsigned char> profile);

/// The same for CMYK, u8, of which `light` holds what each ink leaves (255: no ink): BGR, or an empty picture where the
/// profile is none of CMYK.
cv::Mat cmyk_to_srgb(const cv::Mat& light, std::span<const unsigned char> profile);

/// CIE 1931 x and y of the three primaries; white is D65.
struct Primaries {
  double red[2], green[2], blue[2];
};

/// The ICC profile of a space with these primaries and sRGB's curve.
std::vector<unsigned char> profile_of(const Primaries& primaries);

}  // namespace attend::codecs
