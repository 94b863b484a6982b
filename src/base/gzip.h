// Files in gzip, read at any place.
#pragma once

#include <memory>

#include "base/byte_source.h"

namespace attend {

/// What a gzip file holds. As it is unpacked for the first time, places are kept from which it can be unpacked again (after
/// zran.c of zlib's examples): at most 512 of 32 KiB each, a few more where it unpacks to much more than its size. What is
/// read from the beginning to the end is unpacked once. Files of several parts, one after another, are one. Throws
/// InputError for what is cut short or damaged, and for what unpacks to more than 64 MiB and 100 times its size. Any number
/// of threads.
class GzipFile : public ByteSource {
 public:
  explicit GzipFile(std::filesystem::path path);
  ~GzipFile() override;

  const std::filesystem::path& path() const override;
  bool reaches(uint64_t end) override;
  std::string read(uint64_t at, uint64_t count) override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace attend
