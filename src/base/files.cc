#include "base/files.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>

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

size_t open_for_reading(const std::filesystem::path& path, Descriptor& file) {
  file.value = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat status;
  if (file.value < 0 || ::fstat(file.value, &status) != 0) throw InputError(path.string() + ": " + reason());
  if (S_ISDIR(status.st_mode)) throw InputError(path.string() + ": is a directory");
  return static_cast<size_t>(status.st_size);
}

void sync_directory(const std::filesystem::path& path) {
  const auto parent = path.parent_path();
  const Descriptor directory{::open(parent.empty() ? "." : parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (directory.value >= 0) ::fsync(directory.value);
}

}  // namespace

std::string read_file(const std::filesystem::path& path) {
  Descriptor file{-1};
  std::string bytes;
  bytes.reserve(open_for_reading(path, file));
  char buffer[1 << 16];
  for (;;) {
    const ssize_t got = ::read(file.value, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw InputError(path.string() + ": " + reason());
    if (got == 0) return bytes;
    bytes.append(buffer, static_cast<size_t>(got));
  }
}

std::string read_regular_file(const std::filesystem::path& path, size_t most) {
  const Descriptor file{::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)};
  struct stat status;
  if (file.value < 0 || ::fstat(file.value, &status) != 0) throw InputError(path.string() + ": " + reason());
  if (S_ISDIR(status.st_mode)) throw InputError(path.string() + ": is a directory");
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

Json read_json_file(const std::filesystem::path& path) {
  const std::string text = read_file(path);
  try {
    return Json::parse(text);
  } catch (const Json::parse_error& error) {
    const size_t at = std::min(error.byte > 0 ? error.byte - 1 : 0, text.size());
    const auto line = 1 + std::count(text.begin(), text.begin() + static_cast<long>(at), '\n');
    const size_t line_start = at == 0 ? 0 : text.rfind('\n', at - 1) + 1;
    throw InputError(path.string() + ":" + std::to_string(line) + ":" + std::to_string(at - line_start + 1) +
                     ": not valid JSON (cut short or mistyped here)");
  } catch (const Json::exception&) {
    throw InputError(path.string() + ": holds a number too large for JSON");
  }
}

MappedFile::MappedFile(const std::filesystem::path& path) {
  Descriptor file{-1};
  size_ = open_for_reading(path, file);
  if (size_ == 0) return;
  data_ = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file.value, 0);
  if (data_ == MAP_FAILED) {
    data_ = nullptr;
    throw InputError(path.string() + ": can't be mapped: " + reason());
  }
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

MappedFile::~MappedFile() {
  if (data_) ::munmap(data_, size_);
}

AtomicFile::AtomicFile(std::filesystem::path path) : path_(std::move(path)) {
  static std::atomic<unsigned> count{0};
  temporary_ = path_;
  temporary_ += ".tmp" + std::to_string(::getpid()) + "-" + std::to_string(count++);
  descriptor_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (descriptor_ < 0) throw Error(path_.string() + ": can't be written: " + reason());
}

AtomicFile::~AtomicFile() {
  if (descriptor_ < 0) return;
  ::close(descriptor_);
  ::unlink(temporary_.c_str());
}

void AtomicFile::write(const void* data, size_t size) {
  auto* bytes = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t written = ::write(descriptor_, bytes, size);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw Error(path_.string() + ": can't be written: " + reason());
    bytes += written;
    size -= static_cast<size_t>(written);
  }
}

void AtomicFile::commit() {
  if (::fsync(descriptor_) != 0 || ::rename(temporary_.c_str(), path_.c_str()) != 0)
    throw Error(path_.string() + ": can't be written: " + reason());
  ::close(std::exchange(descriptor_, -1));
  sync_directory(path_);
}

void write_file_atomically(const std::filesystem::path& path, std::string_view text) {
  AtomicFile file(path);
  file.write(text);
  file.commit();
}

}  // namespace attend
