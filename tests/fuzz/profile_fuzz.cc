// Colour profiles, over pixels of every kind that they come with.
#include <cstdint>
#include <cstdlib>

#include "vision/colour_profile.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  cv::Mat opaque(4, 5, CV_8UC3), with_alpha(4, 5, CV_8UC4);
  cv::randu(opaque, 0, 256), cv::randu(with_alpha, 0, 256);
  attend::codecs::to_srgb(opaque, {data, size});
  const cv::Mat before = with_alpha.clone();
  attend::codecs::to_srgb(with_alpha, {data, size});
  for (int i = 0; i < 20; ++i)
    if (before.ptr()[4 * i + 3] != with_alpha.ptr()[4 * i + 3]) std::abort();
  const cv::Mat inks = attend::codecs::cmyk_to_srgb(before, {data, size});
  if (!inks.empty() && (inks.type() != CV_8UC3 || inks.size() != before.size())) std::abort();
  return 0;
}
