// Files: whole reads, read-only maps, and writes that either happen or don't.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>

namespace attend {

using Json = nlohmann::ordered_json;

/// The bytes of a file. Throws InputError that names the file and the reason.
std::string read_file(const std::filesystem::path& path);

/// The first bytes of a regular file, at most `most`: those it had when it was opened, or fewer where another program cuts
/// it short meanwhile. Doesn't wait for a pipe or a device, but refuses it. Throws InputError.
std::string read_regular_file(const std::filesystem::path& path, size_t most = SIZE_MAX);

/// A JSON file; a fault is an InputError with file, line and column.
Json read_json_file(const std::filesystem::path& path);

/// A whole file mapped read-only for the life of the value. Throws InputError.
class MappedFile {
 public:
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&&) = delete;
  std::span<const std::byte> bytes() const { return {static_cast<const std::byte*>(data_), size_}; }

 private:
  void* data_ = nullptr;
  size_t size_ = 0;
};

/// A file that appears under its name only when commit() has returned: it is written beside its place under a
/// temporary name, then fsync, then rename. Dropped without commit() it leaves nothing. Throws Error on every failure.
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(const void* data, size_t size);
  void write(std::string_view text) { write(text.data(), text.size()); }
  void commit();

  /// Where the bytes stand until commit(), for a library that writes files by name (call commit() afterwards).
  const std::filesystem::path& temporary_path() const { return temporary_; }

 private:
  std::filesystem::path path_, temporary_;
  int descriptor_ = -1;
};

/// AtomicFile with all of `text` in one call.
void write_file_atomically(const std::filesystem::path& path, std::string_view text);

}  // namespace attend
