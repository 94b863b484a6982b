// TIFF pictures whose samples are grey, red, green and blue, inks, or places in a palette: all but those that libtiff has to
// convert (YCbCr, Lab).
#pragma once

#include <tiffio.h>

#include <opencv2/core.hpp>

namespace attend::codecs {

/// Whether read_samples() knows what the samples of the directory are.
bool has_plain_samples(TIFF* tiff);

/// The picture as it is stored, u8 BGR; of 1 to 16 bits a sample, in strips or tiles, in one plane or several. Transparency
/// is laid over white; other samples beyond the colours are left out. An empty one where libtiff couldn't read it (and has
/// told its error handler why). Throws Undecodable.
cv::Mat read_samples(TIFF* tiff, cv::Size size);

}  // namespace attend::codecs
