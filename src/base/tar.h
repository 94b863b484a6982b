// Tar archives: what they hold, and archives of one's own. Their members are read by archive.h.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/archive.h"
#include "base/atomic_file.h"
#include "base/byte_source.h"

namespace attend {

/// A file as it is. It isn't kept open: a data set may have more archives than a process may have files.
class FileBytes : public ByteSource {
 public:
  /// Throws InputError where it isn't a regular file that can be read.
  explicit FileBytes(std::filesystem::path path);

  const std::filesystem::path& path() const override { return path_; }
  bool reaches(uint64_t end) override { return end <= size_; }
  std::string read(uint64_t at, uint64_t count) override;

 private:
  std::filesystem::path path_;
  uint64_t size_ = 0;
};

/// The regular files of an archive (POSIX ustar and pax, GNU's long names), in its order. Throws InputError, with the byte,
/// where it is cut short or damaged.
ArchiveContents list_tar(ByteSource& archive, const LookAtMember& look);

/// Whether a file is called as tar archives are, compressed by gzip or not: .tar, .tar.gz, .tgz.
bool is_tar_name(const std::filesystem::path& file);

/// Writes an archive: equal members make equal bytes. It appears with finish(); without it nothing does.
class TarWriter {
 public:
  explicit TarWriter(const std::filesystem::path& archive) : file_(archive) {}
  void add(const std::string& name, std::string_view bytes);
  void finish();

 private:
  void put(const std::string& name, char type, std::string_view bytes);
  AtomicFile file_;
};

}  // namespace attend
