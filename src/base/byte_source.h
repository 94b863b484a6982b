// Bytes that are read at any place: a file's, or what a compressed file holds.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace attend {

class ByteSource {
 public:
  virtual ~ByteSource() = default;
  /// The file that messages name.
  virtual const std::filesystem::path& path() const = 0;
  /// Whether there are `end` bytes at least. Throws InputError where the bytes before are damaged.
  virtual bool reaches(uint64_t end) = 0;
  /// Bytes at to at + count - 1, or fewer where the source ends before. Throws InputError.
  virtual std::string read(uint64_t at, uint64_t count) = 0;
};

}  // namespace attend
