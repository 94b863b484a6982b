// Decoders that write about damaged files to standard error, in words for their own developers.
#pragma once

namespace attend::codecs {

/// While a value of this type lives, what its thread writes to C's `stderr` goes nowhere. glibc lets that variable be
/// set, so that neither other threads nor what is written past it (std::cerr, file descriptor 2) are concerned.
class Quiet {
 public:
  Quiet();
  ~Quiet();
  Quiet(const Quiet&) = delete;
  Quiet& operator=(const Quiet&) = delete;
};

}  // namespace attend::codecs
