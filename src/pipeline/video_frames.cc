#include "pipeline/video_frames.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "base/error.h"
#include "base/interrupt.h"
#include "vision/picture.h"

namespace attend {
namespace {

namespace fs = std::filesystem;

}  // namespace

std::string frame_name(const std::string& video, double time) {
  char text[40];
  std::snprintf(text, sizeof text, "%.3f", time);
  std::string digits = text;
  while (digits.ends_with('0') && !digits.ends_with(".0")) digits.pop_back();
  return video + "#t=" + digits;
}

VideoFrames::VideoFrames(const fs::path& video, double every) : video_(video.native()) {
  const fs::path program = fs::read_symlink("/proc/self/exe").parent_path() / "attend-video";
  if (::access(program.c_str(), X_OK) != 0)
    throw Error(program.string() +
                ": isn't there, and reads videos; it is built where OpenCV's videoio is (Debian: libopencv-dev)");
  int answer[2];
  if (::pipe2(answer, O_CLOEXEC) != 0) throw Error(program.string() + ": no pipe: " + std::strerror(errno));
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, answer[1], STDOUT_FILENO);
  ::posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);  // decoders chat
  char seconds[40];
  std::snprintf(seconds, sizeof seconds, "%.6f", every);
  // Absolute: a name may look like an option or an address.
  std::string name = program.native(), file = fs::absolute(video).native();
  char* const values[] = {name.data(), file.data(), seconds, nullptr};
  const int fault = ::posix_spawn(&child_, program.c_str(), &actions, nullptr, values, environ);
  ::posix_spawn_file_actions_destroy(&actions);
  ::close(answer[1]);
  from_child_ = ::fdopen(answer[0], "r");
  if (fault == 0) return;
  std::fclose(from_child_);
  throw Error(program.string() + ": can't be run: " + std::strerror(fault));
}

VideoFrames::~VideoFrames() {
  std::fclose(from_child_);
  ::kill(child_, SIGKILL);  // it writes no files
  while (::waitpid(child_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

std::optional<VideoFrame> VideoFrames::next() {
  char line[1024];
  const auto ended = [&] {
    if (interrupted()) throw Interrupted("stopped while a video was read");
    throw InputError(video_ + ": can't be read as a video: the decoder crashed");
  };
  if (!std::fgets(line, sizeof line, from_child_)) ended();
  long read = 0, said = 0;
  if (std::sscanf(line, "end %ld %ld", &read, &said) == 2) {
    // What a header says is often a little more than there is.
    if (read == 0)
      throw InputError(video_ + ": a video without frames that can be read");
    else if (read < said - said / 10 - 1)
      remark_ = video_ + ": only " + std::to_string(read) + " of " + std::to_string(said) +
                " frames could be read: it is damaged, or cut short";
    return std::nullopt;
  }
  VideoFrame frame;
  if (std::sscanf(line, "frame %lf %d %d", &frame.time, &frame.width, &frame.height) != 3) {
    std::string why = line;
    if (why.starts_with("fault ")) why.erase(0, 6);
    while (why.ends_with('\n')) why.pop_back();
    throw InputError(video_ + ": " + why);
  }
  if (frame.width <= 0 || frame.height <= 0 || frame.width > ReadLimits().max_pixels / frame.height)
    throw InputError(video_ + ": frames of " + std::to_string(frame.width) + "x" + std::to_string(frame.height) +
                     " pixels are not read");
  frame.pixels.resize(3 * static_cast<size_t>(frame.width) * static_cast<size_t>(frame.height));
  if (std::fread(frame.pixels.data(), 1, frame.pixels.size(), from_child_) < frame.pixels.size()) ended();
  return frame;
}

}  // namespace attend
