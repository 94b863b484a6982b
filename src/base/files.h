// Files: whole reads and read-only maps; writes that either happen or don't are in atomic_file.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include "base/atomic_file.h"
#include "base/json.h"

namespace attend {

/// The bytes of a file. Throws InputError that names the file and the reason.
std::string read_file(const std::filesystem::path& path);

/// The first bytes of a regular file, at most `most`: those it had when it was opened, or fewer where another program cuts
/// it short meanwhile. Doesn't wait for a pipe or a device, but refuses it. Throws InputError.
std::string read_regular_file(const std::filesystem::path& path, size_t most = SIZE_MAX);

/// A whole file mapped read-only for the life of the value; what has no size to map (a pipe) is read. Throws InputError.
/// Somebody may cut the file short meanwhile: who touches what is gone gets SIGBUS, which prepare_process() turns into one
/// line with the file's name.
class MappedFile {
 public:
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&&) = delete;
  std::span<const std::byte> bytes() const {
    return data_ ? std::span(static_cast<const std::byte*>(data_), size_) : std::as_bytes(std::span(read_));
  }

 private:
  void* data_ = nullptr;
  size_t size_ = 0;
  std::string read_;  // the bytes, where they aren't mapped
  int slot_ = -1;     // in the list that mapped_file_at() looks through
};

/// The name of the mapped file that `address` lies in, or null: for a signal handler.
const char* mapped_file_at(const void* address) noexcept;

}  // namespace attend
