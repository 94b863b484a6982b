#include "app/name_stream.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/error.h"
#include "base/interrupt.h"
#include "vision/name_list.h"

namespace attend {
namespace {

constexpr const char* kSource = "standard input";
constexpr int kLookUp = 200;  // ms after which a wait looks whether it is to end

/// Where the first `most` names of a buffer end, those without an end left out.
size_t whole_names(const std::string& buffer, char end, size_t most) {
  size_t at = 0;
  for (size_t count = 0; count < most; ++count) {
    const size_t found = buffer.find(end, at);
    if (found == buffer.npos) break;
    at = found + 1;
  }
  return at;
}

bool is_full(const std::string& buffer, char end, size_t most) {
  return static_cast<size_t>(std::count(buffer.begin(), buffer.end(), end)) >= most;
}

}  // namespace

bool NameStream::is_ready(int milliseconds) const {
  pollfd input{STDIN_FILENO, POLLIN, 0};
  return ::poll(&input, 1, milliseconds) > 0;
}

void NameStream::read() {
  char bytes[1 << 16];
  const ssize_t got = ::read(STDIN_FILENO, bytes, sizeof bytes);
  if (got < 0 && errno != EINTR && errno != EAGAIN)
    throw InputError(std::string(kSource) + ": can't be read: " + std::strerror(errno));
  if (got > 0) buffer_.append(bytes, static_cast<size_t>(got));
  ended_ = got == 0;
}

std::vector<std::string> NameStream::next(size_t most) {
  for (;;) {
    while (!ended_ && !is_full(buffer_, end_, most)) {
      if (interrupted()) throw Interrupted("stopped while waiting for names");
      const bool some = whole_names(buffer_, end_, 1) > 0;
      if (is_ready(some ? 0 : kLookUp))
        read();
      else if (some)
        break;
    }
    size_t length = whole_names(buffer_, end_, most);
    if (ended_ && buffer_.find(end_, length) == buffer_.npos) length = buffer_.size();
    auto names = parse_name_list(std::string_view(buffer_).substr(0, length), end_, kSource);
    buffer_.erase(0, length);
    if (!names.empty() || (ended_ && buffer_.empty())) return names;
  }
}

}  // namespace attend
