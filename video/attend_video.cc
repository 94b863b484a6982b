// attend-video FILE SECONDS: the frames of a video, one every so many seconds, on standard output:
//
//   frame TIME WIDTH HEIGHT\n   TIME in seconds, then WIDTH · HEIGHT · 3 bytes: red, green, blue, row by row
//   end READ SAID\n             how many frames there were, and how many the file says that it has (0: it doesn't say)
//   fault WHY\n                 nothing more comes
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <opencv2/core/utils/logger.hpp>
#include <opencv2/imgproc.hpp>
#include <opencv2/videoio.hpp>
#include <string>

namespace {

int fault(const std::string& why) {
  std::printf("fault %s\n", why.c_str());
  return 1;
}

/// Decoders by what they are of: others, such as those of numbered pictures or of addresses, aren't asked.
bool open(cv::VideoCapture& video, const std::string& file) {
  for (const int decoder : {cv::CAP_FFMPEG, cv::CAP_GSTREAMER, cv::CAP_OPENCV_MJPEG})
    if (video.open(file, decoder)) return true;
  return false;
}

int write_frames(const std::string& file, double every) {
  cv::VideoCapture video;
  if (!open(video, file)) return fault("can't be read as a video: damaged, cut short, or of a codec that isn't here");
  video.set(cv::CAP_PROP_ORIENTATION_AUTO, 1);
  const double rate = video.get(cv::CAP_PROP_FPS), said = video.get(cv::CAP_PROP_FRAME_COUNT);
  long read = 0;
  double next = 0, before = -1;
  cv::Mat frame, rgb;
  for (; video.grab(); ++read) {
    double time = video.get(cv::CAP_PROP_POS_MSEC) / 1000;
    // Some decoders know no times, or don't for the last frames.
    if (!(time > before)) time = before < 0 ? 0 : rate > 0 ? before + 1 / rate : before;
    before = time;
    constexpr double kRounding = 1e-3;
    if (time + kRounding < next || !video.retrieve(frame) || frame.empty() || frame.type() != CV_8UC3) continue;
    next = (std::floor((time + kRounding) / every) + 1) * every;
    cv::cvtColor(frame, rgb, cv::COLOR_BGR2RGB);
    std::printf("frame %.3f %d %d\n", std::max(time, 0.0), rgb.cols, rgb.rows);
    for (int y = 0; y < rgb.rows; ++y)
      if (std::fwrite(rgb.ptr(y), 3, static_cast<size_t>(rgb.cols), stdout) != static_cast<size_t>(rgb.cols)) return 1;
    if (std::fflush(stdout) != 0) return 1;
  }
  std::printf("end %ld %ld\n", read, said > 0 && said < 1e12 ? std::lround(said) : 0);
  return 0;
}

}  // namespace

int main(int count, char** values) {
  const double every = count == 3 ? std::strtod(values[2], nullptr) : 0;
  if (!(every > 0)) {
    const bool asked = count == 2 && std::string(values[1]) == "--version";
    std::fputs("attend-video " ATTEND_VERSION ": `attend caption --frame-every` runs this program to read videos\n",
               asked ? stdout : stderr);
    return asked ? 0 : 2;
  }
  std::signal(SIGPIPE, SIG_DFL);  // whoever has seen enough closes the pipe
  ::setenv("OPENCV_FFMPEG_LOGLEVEL", "-8", 0);
  cv::utils::logging::setLogLevel(cv::utils::logging::LOG_LEVEL_SILENT);
  try {
    return write_frames(values[1], every);
  } catch (const std::exception& error) {  // OpenCV's have many lines
    std::string why = error.what();
    return fault(why.substr(0, why.find('\n')));
  }
}
