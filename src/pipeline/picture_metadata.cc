#include "pipeline/picture_metadata.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/error.h"
#include "base/escape.h"

namespace attend {
namespace {

namespace fs = std::filesystem;

const char* name_of(IfExists if_exists) {
  switch (if_exists) {
    case IfExists::skip:
      return "skip";
    case IfExists::overwrite:
      return "overwrite";
    case IfExists::append:
      return "append";
    case IfExists::prepend:
      return "prepend";
  }
  return "";
}

}  // namespace

PictureMetadata::PictureMetadata() : program_(fs::read_symlink("/proc/self/exe").parent_path() / "attend-metadata") {
  if (::access(program_.c_str(), X_OK) != 0)
    throw Error(program_.string() +
                ": isn't there, and writes captions into pictures; it is built where Exiv2 is (Debian: libexiv2-dev)");
}

PictureMetadata::~PictureMetadata() { end(); }

void PictureMetadata::start() {
  int request[2], answer[2];
  if (::pipe2(request, O_CLOEXEC) != 0) throw Error(program_.string() + ": no pipe: " + std::strerror(errno));
  if (::pipe2(answer, O_CLOEXEC) != 0) {
    const int fault = errno;
    ::close(request[0]), ::close(request[1]);
    throw Error(program_.string() + ": no pipe: " + std::strerror(fault));
  }
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, request[0], STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, answer[1], STDOUT_FILENO);
  std::string name = program_.string();
  char* const values[] = {name.data(), nullptr};
  const int fault = ::posix_spawn(&child_, program_.c_str(), &actions, nullptr, values, environ);
  ::posix_spawn_file_actions_destroy(&actions);
  ::close(request[0]), ::close(answer[1]);
  to_child_ = request[1], from_child_ = answer[0];
  if (fault == 0) return;
  child_ = -1;
  end();
  throw Error(program_.string() + ": can't be run: " + std::strerror(fault));
}

void PictureMetadata::end() noexcept {
  for (int* descriptor : {&to_child_, &from_child_}) {
    if (*descriptor >= 0) ::close(*descriptor);
    *descriptor = -1;
  }
  while (child_ > 0 && ::waitpid(child_, nullptr, 0) < 0 && errno == EINTR) {
  }
  child_ = -1;
}

std::vector<std::string> PictureMetadata::ask(const std::vector<std::string>& request, const fs::path& picture) {
  if (child_ < 0) start();
  const auto has_ended = [&] {
    end();
    throw Error(picture.string() + ": attend-metadata ended while it was at this picture, which is as it was");
  };
  const std::string line = joined_line(request);
  for (size_t at = 0; at < line.size();) {
    const ssize_t written = ::write(to_child_, line.data() + at, line.size() - at);
    if (written < 0 && errno != EINTR) has_ended();
    if (written > 0) at += static_cast<size_t>(written);
  }
  std::string answer;
  while (!answer.ends_with('\n')) {
    char bytes[4096];
    const ssize_t got = ::read(from_child_, bytes, sizeof bytes);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) has_ended();
    answer.append(bytes, static_cast<size_t>(got));
  }
  answer.pop_back();
  return parted_line(answer);
}

PictureMetadata::Found PictureMetadata::look(const fs::path& picture) {
  std::string said;
  try {
    said = ask({"look", picture.native()}, picture).front();
  } catch (const Error&) {
    return Found::kNothing;  // write() will say it
  }
  return said == "captioned" ? Found::kCaption : said == "none" ? Found::kNoPlace : Found::kNothing;
}

void PictureMetadata::write(const fs::path& picture, const CaptionedIndex::Stamp& stamp, const std::string& caption,
                            IfExists if_exists) {
  const auto answer = ask({"write", name_of(if_exists), std::to_string(stamp.size), std::to_string(stamp.modified),
                           picture.native(), caption},
                          picture);
  if (answer.front() == "fault" && answer.size() == 2) throw Error(answer[1]);
}

}  // namespace attend
