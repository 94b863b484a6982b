#include "base/spool.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <utility>

#include "base/error.h"

namespace attend {

Spool::~Spool() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Spool::Spool(Spool&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      written_(std::exchange(other.written_, 0)),
      buffer_(std::exchange(other.buffer_, {})) {}

Spool& Spool::operator=(Spool&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(written_, other.written_);
  std::swap(buffer_, other.buffer_);
  return *this;
}

uint64_t Spool::add(std::string_view bytes) {
  const uint64_t at = size();
  buffer_.append(bytes);
  if (buffer_.size() >= kInMemory) write();
  return at;
}

void Spool::read(uint64_t at, void* to, size_t count) const {
  auto* bytes = static_cast<char*>(to);
  while (count > 0 && at < written_) {
    const ssize_t got = ::pread(descriptor_, bytes, std::min<uint64_t>(count, written_ - at), static_cast<off_t>(at));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) fail("a temporary file can't be read");
    bytes += got, at += static_cast<uint64_t>(got), count -= static_cast<size_t>(got);
  }
  if (count > 0) std::memcpy(bytes, buffer_.data() + (at - written_), count);
}

std::string Spool::read(uint64_t at, size_t count) const {
  std::string bytes(count, '\0');
  read(at, bytes.data(), count);
  return bytes;
}

void Spool::write() {
  if (descriptor_ < 0) {
    std::error_code error;
    std::string name = (std::filesystem::temp_directory_path(error) / "attend-XXXXXX").string();
    if (error || (descriptor_ = ::mkostemp(name.data(), O_CLOEXEC)) < 0) fail("no temporary file can be made");
    ::unlink(name.c_str());
  }
  for (std::string_view rest = buffer_; !rest.empty();) {
    const ssize_t count = ::pwrite(descriptor_, rest.data(), rest.size(), static_cast<off_t>(written_));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail("a temporary file can't be written");
    rest.remove_prefix(static_cast<size_t>(count));
    written_ += static_cast<uint64_t>(count);
  }
  buffer_.clear();
}

void Spool::fail(const char* what) {
  const std::string why = std::strerror(errno);
  const char* named = std::getenv("TMPDIR");
  throw Error(std::string(named && *named ? named : "/tmp") + ": " + what + " there: " + why +
              "; name another folder in TMPDIR");
}

void SpoolReader::read(void* to, size_t count) {
  auto* bytes = static_cast<char*>(to);
  while (count > 0) {
    if (taken_ == block_.size()) {
      block_ = spool_.read(at_, static_cast<size_t>(std::min<uint64_t>(kBlock, spool_.size() - at_)));
      if (block_.empty()) throw std::logic_error("read behind the end of a spool");
      at_ += block_.size();
      taken_ = 0;
    }
    const size_t some = std::min(count, block_.size() - taken_);
    std::memcpy(bytes, block_.data() + taken_, some);
    bytes += some, taken_ += some, count -= some;
  }
}

}  // namespace attend
