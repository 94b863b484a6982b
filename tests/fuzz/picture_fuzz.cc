// One of the picture decoders, ATTEND_READ, with a limit that keeps each input small: what a picture may cost is bounded
// by its declared pixels.
#include <cstddef>
#include <cstdint>

#include "vision/codecs.h"

namespace {

constexpr attend::ReadLimits kLimits{.max_pixels = 1 << 20};

using attend::codecs::Bytes;

/// read_jpeg() also takes a size to reduce to; the last byte chooses it.
[[maybe_unused]] void run(attend::codecs::Stored (&read)(Bytes, int, const attend::ReadLimits&), Bytes file) {
  read(file, file.back(), kLimits);
}

[[maybe_unused]] void run(attend::codecs::Stored (&read)(Bytes, const attend::ReadLimits&), Bytes file) {
  read(file, kLimits);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  try {
    run(attend::codecs::ATTEND_READ, {data, size});
  } catch (const attend::codecs::Undecodable&) {
  }
  return 0;
}
