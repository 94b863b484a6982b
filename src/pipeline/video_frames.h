// Frames of a video, read by the program attend-video (video/CMakeLists.txt).
#pragma once

#include <sys/types.h>

#include <cstdio>
#include <filesystem>
#include <optional>
#include <string>

namespace attend {

struct VideoFrame {
  double time = 0;  // seconds from the beginning
  int width = 0, height = 0;
  std::string pixels;  // u8 [height, width, 3], red, green, blue
};

/// "clip.mp4#t=12.0", as media fragments have it (W3C, Media Fragments URI, 4.2.1).
std::string frame_name(const std::string& video, double time);

/// The frames in order, the first one and then one each `every` seconds, upright. One child process a video, which reads no
/// further ahead than a pipe holds.
class VideoFrames {
 public:
  /// Throws Error where the program isn't beside this one.
  VideoFrames(const std::filesystem::path& video, double every);
  ~VideoFrames();
  VideoFrames(const VideoFrames&) = delete;

  /// Nothing behind the last. Throws InputError, which begins with the video's name, where it can't be read, Interrupted when
  /// the program is asked to stop.
  std::optional<VideoFrame> next();
  /// After the last: one line where much fewer frames were read than the video says that it has, else "".
  const std::string& remark() const { return remark_; }

 private:
  const std::string video_;
  pid_t child_ = -1;
  std::FILE* from_child_ = nullptr;
  std::string remark_;
};

}  // namespace attend
