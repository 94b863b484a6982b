#include "base/files.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "base/archive.h"
#include "base/error.h"

namespace attend {
namespace {

std::string reason() { return std::strerror(errno); }

/// An open file descriptor that closes itself.
struct Descriptor {
  int value;
  ~Descriptor() {
    if (value >= 0) ::close(value);
  }
};

/// What the file is; `flags` beside O_RDONLY.
struct stat open_for_reading(const std::filesystem::path& path, Descriptor& file, int flags = 0) {
  file.value = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | flags);
  struct stat status;
  if (file.value < 0 || ::fstat(file.value, &status) != 0) throw InputError(path.string() + ": " + reason());
  if (S_ISDIR(status.st_mode)) throw InputError(path.string() + ": is a directory");
  return status;
}

/// What a path below a file names: a member of an archive. Nothing for all others, at the price of one call.
std::optional<std::string> member_of_archive(const std::filesystem::path& path, size_t most = SIZE_MAX) {
  struct stat status;
  if (::stat(path.c_str(), &status) == 0 || errno != ENOTDIR) return std::nullopt;
  return read_archive_member(path, most);
}

std::string read_all(int file, const std::filesystem::path& path, size_t size = 0) {
  std::string bytes;
  bytes.reserve(size);
  char buffer[1 << 16];
  for (;;) {
    const ssize_t got = ::read(file, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw InputError(path.string() + ": " + reason());
    if (got == 0) return bytes;
    bytes.append(buffer, static_cast<size_t>(got));
  }
}

}  // namespace

std::string read_file(const std::filesystem::path& path) {
  if (auto member = member_of_archive(path)) return *std::move(member);
  Descriptor file{-1};
  const auto size = static_cast<size_t>(open_for_reading(path, file).st_size);
  return read_all(file.value, path, size);
}

std::string read_regular_file(const std::filesystem::path& path, size_t most) {
  if (auto member = member_of_archive(path, most)) return *std::move(member);
  Descriptor file{-1};
  const auto status = open_for_reading(path, file, O_NONBLOCK);
  if (!S_ISREG(status.st_mode)) throw InputError(path.string() + ": not a regular file");
  std::string bytes(std::min(static_cast<size_t>(status.st_size), most), '\0');
  size_t at = 0;
  while (at < bytes.size()) {
    const ssize_t got = ::read(file.value, bytes.data() + at, bytes.size() - at);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw InputError(path.string() + ": " + reason());
    if (got == 0) break;
    at += static_cast<size_t>(got);
  }
  bytes.resize(at);
  return bytes;
}

namespace {

/// Which addresses are whose, for mapped_file_at(); files beyond so many have no name there.
struct Mapping {
  std::atomic<bool> taken = false;
  std::atomic<uintptr_t> begin = 0, end = 0;
  char name[512];
};
Mapping mappings[256];

int remember(const std::filesystem::path& path, const void* data, size_t size) {
  for (size_t i = 0; i < std::size(mappings); ++i) {
    if (mappings[i].taken.exchange(true)) continue;
    std::snprintf(mappings[i].name, sizeof mappings[i].name, "%s", path.c_str());
    mappings[i].end = reinterpret_cast<uintptr_t>(data) + size;
    mappings[i].begin = reinterpret_cast<uintptr_t>(data);
    return static_cast<int>(i);
  }
  return -1;
}

}  // namespace

const char* mapped_file_at(const void* address) noexcept {
  const auto place = reinterpret_cast<uintptr_t>(address);
  for (const auto& mapping : mappings)
    if (mapping.taken && place >= mapping.begin && place < (mapping.end + 4095) / 4096 * 4096) return mapping.name;
  return nullptr;
}

MappedFile::MappedFile(const std::filesystem::path& path) {
  Descriptor file{-1};
  size_ = static_cast<size_t>(open_for_reading(path, file).st_size);
  if (size_ == 0) {  // empty, or a pipe, or of /proc
    read_ = read_all(file.value, path);
    return;
  }
  data_ = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file.value, 0);
  if (data_ == MAP_FAILED) {
    data_ = nullptr;
    throw InputError(path.string() + ": can't be mapped: " + reason());
  }
  slot_ = remember(path, data_, size_);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      read_(std::move(other.read_)),
      slot_(std::exchange(other.slot_, -1)) {}

MappedFile::~MappedFile() {
  if (slot_ >= 0) mappings[slot_].end = mappings[slot_].begin = 0, mappings[slot_].taken = false;
  if (data_) ::munmap(data_, size_);
}

}  // namespace attend
