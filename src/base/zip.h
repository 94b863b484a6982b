// Zip archives on disk, read member by member.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "base/archive.h"

namespace attend {

/// Any number of threads.
class ZipFile {
 public:
  explicit ZipFile(std::filesystem::path path);
  ~ZipFile();

  /// Throws InputError where it is no whole archive. Encrypted members, and those packed by a method that isn't known, are
  /// refused. Names that aren't UTF-8 are taken for those of DOS (code page 437).
  ArchiveContents list(const LookAtMember& look);
  /// The first bytes, at most `most`, of a member; those of a whole member are compared with its checksum. Throws
  /// InputError, which begins with `name`.
  std::string read(uint64_t number, size_t most, const std::string& name);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace attend
