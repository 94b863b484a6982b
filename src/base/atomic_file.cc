#include "base/atomic_file.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cctype>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <set>
#include <utility>

#include "base/error.h"

namespace attend {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = ".attend-", kSuffix = ".tmp";
constexpr size_t kDigits = 16;

std::string reason() { return std::strerror(errno); }

fs::path folder_of(const fs::path& path) { return path.has_parent_path() ? path.parent_path() : fs::path("."); }

/// A name beside `path` that nobody has. It doesn't grow with the name it stands for, which may be as long as names can be.
fs::path temporary_beside(const fs::path& path) {
  uint64_t number = 0;
  if (::getrandom(&number, sizeof number, 0) != sizeof number) throw Error("no random numbers: " + reason());
  char name[48];
  std::snprintf(name, sizeof name, ".attend-%016llx.tmp", static_cast<unsigned long long>(number));
  return folder_of(path) / name;
}

bool is_temporary(std::string_view name) {
  return name.size() == kPrefix.size() + kDigits + kSuffix.size() && name.starts_with(kPrefix) &&
         name.ends_with(kSuffix) &&
         std::all_of(name.begin() + kPrefix.size(), name.end() - kSuffix.size(),
                     [](unsigned char c) { return std::isxdigit(c) != 0; });
}

/// Locks a new temporary for as long as the descriptor is open. False where a sweeper was faster and removed it.
bool lock_new(int descriptor) {
  while (::flock(descriptor, LOCK_EX) != 0 && errno == EINTR) {
  }  // a file system without locks: nobody can lock it, and nobody sweeps it
  struct stat status;
  return ::fstat(descriptor, &status) == 0 && status.st_nlink > 0;
}

void sync_folder(const fs::path& folder) {
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;
  ::fsync(descriptor);
  ::close(descriptor);
}

/// Where a write to a path goes.
struct Place {
  fs::path path;        // behind its links
  int descriptor = -1;  // of this process's own open file that the path names, or -1
};

Place find_place(fs::path path) {
  constexpr int kMostLinks = 40;
  const fs::path own = "/proc/" + std::to_string(::getpid()) + "/fd";
  std::error_code error;
  for (int links = 0; links < kMostLinks; ++links) {
    const std::string name = path.filename().string();
    if (!name.empty() && name.size() < 9 && std::all_of(name.begin(), name.end(), ::isdigit) &&
        fs::canonical(folder_of(path), error) == own)
      return {path, std::atoi(name.c_str())};
    const fs::path link = fs::read_symlink(path, error);
    if (error) break;
    path = link.is_absolute() ? link : folder_of(path) / link;
  }
  return {path};
}

/// Names of the temporary files that are open, for unlink_temporaries(); beyond so many, they are left to the sweep.
std::atomic<char*> open_temporaries[1024];

int remember(const fs::path& path) {
  char* name = ::strdup(path.c_str());
  for (size_t i = 0; i < std::size(open_temporaries); ++i) {
    char* free_slot = nullptr;
    if (open_temporaries[i].compare_exchange_strong(free_slot, name)) return static_cast<int>(i);
  }
  std::free(name);
  return -1;
}

void forget(int slot) {
  if (slot >= 0) std::free(open_temporaries[slot].exchange(nullptr));
}

void sweep_once(const fs::path& folder) {
  static std::mutex mutex;
  static std::set<fs::path> swept;
  const std::lock_guard guard(mutex);
  if (swept.insert(folder).second) sweep_temporaries(folder);
}

}  // namespace

void sweep_temporaries(const fs::path& folder) {
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir(folder.c_str()), ::closedir);
  if (!directory) return;
  const int parent = ::dirfd(directory.get());
  while (const dirent* entry = ::readdir(directory.get())) {
    if (!is_temporary(entry->d_name)) continue;
    constexpr int flags = O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
    int descriptor = ::openat(parent, entry->d_name, O_RDWR | flags);
    const bool is_folder = descriptor < 0 && errno == EISDIR;
    if (is_folder) descriptor = ::openat(parent, entry->d_name, O_RDONLY | O_DIRECTORY | flags);
    if (descriptor < 0) continue;
    std::error_code ignored;
    if (::flock(descriptor, LOCK_EX | LOCK_NB) == 0) {
      if (is_folder)
        fs::remove_all(folder / entry->d_name, ignored);
      else
        ::unlinkat(parent, entry->d_name, 0);
    }
    ::close(descriptor);
  }
}

void unlink_temporaries() noexcept {
  for (auto& slot : open_temporaries)
    if (char* name = slot.exchange(nullptr)) ::unlink(name);
}

AtomicFile::AtomicFile(fs::path path) : path_(std::move(path)) {
  const Place place = find_place(path_);
  target_ = place.path;
  struct stat status;
  const bool exists = ::stat(target_.c_str(), &status) == 0;
  std::error_code error;
  if (!exists && fs::is_symlink(target_, error)) errno = ELOOP, fail();
  if (place.descriptor >= 0) {
    descriptor_ = ::fcntl(place.descriptor, F_DUPFD_CLOEXEC, 3);
  } else if (exists && !S_ISREG(status.st_mode)) {
    descriptor_ = ::open(target_.c_str(), O_WRONLY | O_NOCTTY | O_CLOEXEC);
  } else {
    if (exists && ::faccessat(AT_FDCWD, target_.c_str(), W_OK, AT_EACCESS) != 0) fail();
    open_temporary();
    if (exists) {
      if (::fchown(descriptor_, status.st_uid, status.st_gid) != 0) errno = 0;  // only where that is allowed
      ::fchmod(descriptor_, status.st_mode & 0777);
    }
  }
  if (descriptor_ < 0) fail();
}

void AtomicFile::open_temporary() {
  sweep_once(folder_of(target_));
  for (;;) {
    temporary_ = temporary_beside(target_);
    descriptor_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor_ < 0 && errno == EEXIST) continue;
    if (descriptor_ < 0) fail();
    if (lock_new(descriptor_)) break;
    ::close(descriptor_);
  }
  slot_ = remember(temporary_);
}

AtomicFile::~AtomicFile() {
  if (descriptor_ < 0) return;
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
  forget(slot_);
  ::close(descriptor_);
}

void AtomicFile::fail() const { throw Error(path_.string() + ": can't be written: " + reason()); }

void AtomicFile::write(const void* data, size_t size) {
  auto* bytes = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t written = ::write(descriptor_, bytes, size);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail();
    bytes += written;
    size -= static_cast<size_t>(written);
  }
}

void AtomicFile::commit() {
  if (temporary_.empty()) {
    if (::close(std::exchange(descriptor_, -1)) != 0) fail();
    return;
  }
  if (::fsync(descriptor_) != 0 || ::rename(temporary_.c_str(), target_.c_str()) != 0) fail();
  forget(std::exchange(slot_, -1));
  ::close(std::exchange(descriptor_, -1));
  sync_folder(folder_of(target_));
}

AtomicFolder::AtomicFolder(fs::path path) : target_(std::move(path)) {
  sweep_once(folder_of(target_));
  for (;;) {
    temporary_ = temporary_beside(target_);
    if (::mkdir(temporary_.c_str(), 0777) != 0) {
      if (errno == EEXIST) continue;
      fail();
    }
    descriptor_ = ::open(temporary_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor_ >= 0 && lock_new(descriptor_)) break;
    if (descriptor_ < 0 && errno != ENOENT) fail();
    if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
  }
  struct stat status;
  if (::stat(target_.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) ::fchmod(descriptor_, status.st_mode & 0777);
}

AtomicFolder::~AtomicFolder() {
  if (descriptor_ < 0) return;
  std::error_code ignored;
  fs::remove_all(temporary_, ignored);
  ::close(descriptor_);
}

void AtomicFolder::fail() const { throw Error(target_.string() + ": can't be written: " + reason()); }

void AtomicFolder::commit() {
  ::fsync(descriptor_);
  if (::rename(temporary_.c_str(), target_.c_str()) == 0) {
    ::close(std::exchange(descriptor_, -1));
  } else if (errno != ENOTEMPTY && errno != EEXIST && errno != ENOTDIR) {
    fail();
  } else if (::renameat2(AT_FDCWD, temporary_.c_str(), AT_FDCWD, target_.c_str(), RENAME_EXCHANGE) != 0) {
    // A file system that can't exchange two names: for a moment there is neither.
    const fs::path old = temporary_beside(target_);
    if (::rename(target_.c_str(), old.c_str()) != 0 || ::rename(temporary_.c_str(), target_.c_str()) != 0) fail();
    temporary_ = old;
  }
  sync_folder(folder_of(target_));
  if (descriptor_ >= 0) {  // what was there before stands under the temporary name now
    std::error_code ignored;
    fs::remove_all(temporary_, ignored);
    ::close(std::exchange(descriptor_, -1));
  }
}

FolderLock::FolderLock(const fs::path& folder)
    : descriptor_(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
  if (descriptor_ < 0) throw Error(folder.string() + ": can't be opened: " + reason());
  if (::flock(descriptor_, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) return;
  ::close(descriptor_);
  throw Error(folder.string() + ": another process is at work in this folder; wait for it, or choose another folder");
}

FolderLock::~FolderLock() { ::close(descriptor_); }

void write_file_atomically(const fs::path& path, std::string_view text) {
  AtomicFile file(path);
  file.write(text);
  file.commit();
}

void check_writable(const fs::path& path) {
  struct stat status;
  if (::stat(path.c_str(), &status) != 0 || S_ISREG(status.st_mode) || S_ISDIR(status.st_mode)) {
    AtomicFile{path};
  } else if (::faccessat(AT_FDCWD, path.c_str(), W_OK, AT_EACCESS) != 0) {
    throw Error(path.string() + ": can't be written: " + reason());
  }  // a FIFO isn't opened: its reader would take the end of this for the end of all
}

}  // namespace attend
