// Tar archives of pictures: their members by name, read where they lie, and archives of one's own.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/atomic_file.h"

namespace attend {

/// A regular file in an archive.
struct TarMember {
  std::string name;
  uint64_t offset, size;  // of its bytes within the archive
};

/// The regular files of an archive (POSIX ustar and pax, GNU's long names), in its order; of two with one name the
/// later counts. Throws InputError, with the byte, where it is cut short or damaged, and for a compressed one: what
/// lies in it couldn't be found again without reading it all.
std::vector<TarMember> list_tar(const std::filesystem::path& archive);

/// The first bytes, at most `most`, of a member whose path begins with its archive's: "shards/train-0.tar/dog.jpg".
/// Nothing where no part of the path is a file. Throws InputError. An archive's members are listed once; any number of
/// threads.
std::optional<std::string> read_tar_member(const std::filesystem::path& path, size_t most = SIZE_MAX);

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
