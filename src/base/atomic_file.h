// Files and folders that appear whole or not at all.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace attend {

/// A file that appears under its name only when commit() has returned: it is written beside its place under a temporary
/// name, then fsync, then rename. Dropped without commit() it leaves nothing. A link stays, its target is replaced; a file
/// that is replaced hands down its mode and, where that is allowed, its owner. A device, a FIFO and what the program has
/// open already (/dev/stdout, /dev/fd/5) can't be replaced: they are written to at once. Throws Error on every failure.
///
/// Who dies leaves a temporary file (.attend-….tmp), which the next writer in that folder sweeps away: a lock says that
/// it is still being written.
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(const void* data, size_t size);
  void write(std::string_view text) { write(text.data(), text.size()); }
  void commit();

 private:
  [[noreturn]] void fail() const;
  void open_temporary();

  std::filesystem::path path_, target_, temporary_;  // as it was named; behind links; empty: written to at once
  int descriptor_ = -1, slot_ = -1;
};

/// The same for a folder: its files are written to path(), and it appears, in place of what was there, with commit().
class AtomicFolder {
 public:
  explicit AtomicFolder(std::filesystem::path path);
  ~AtomicFolder();
  AtomicFolder(const AtomicFolder&) = delete;
  AtomicFolder& operator=(const AtomicFolder&) = delete;

  const std::filesystem::path& path() const { return temporary_; }
  void commit();

 private:
  [[noreturn]] void fail() const;

  std::filesystem::path target_, temporary_;
  int descriptor_ = -1;
};

/// Holds a folder that only one process may work in. Throws Error where another holds it; a file system without locks lets
/// all in.
class FolderLock {
 public:
  explicit FolderLock(const std::filesystem::path& folder);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  int descriptor_;
};

/// AtomicFile with all of `text` in one call.
void write_file_atomically(const std::filesystem::path& path, std::string_view text);

/// Throws Error where AtomicFile couldn't write `path`: to be told now, not after an hour. Changes nothing.
void check_writable(const std::filesystem::path& path);

/// Removes what writers that died left in `folder`. AtomicFile and AtomicFolder do this once a folder.
void sweep_temporaries(const std::filesystem::path& folder);

/// Removes the temporary files of this process: for a signal handler, before the process ends.
void unlink_temporaries() noexcept;

}  // namespace attend
