#include "viz/animation.h"

#include <gif_lib.h>
#include <webp/encode.h>
#include <webp/mux.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <opencv2/imgproc.hpp>
#include <string>

#include "base/error.h"
#include "base/files.h"
#include "vision/mark.h"
#include "viz/typeface.h"

namespace attend {
namespace {

const cv::Scalar paper(246, 246, 246), ink(38, 32, 28), soft(150, 146, 142), accent(117, 110, 11), white(255, 255, 255);

/// The sentence below the picture: where each word stands.
struct Line {
  std::vector<cv::Rect> boxes;
  int height = 0, size = 0;
};

Line lay_out(const std::vector<WordMap>& words, int width, int size) {
  Line line{{}, 0, size};
  const int margin = size * 3 / 4, leading = size * 8 / 5, blank = size / 3;
  int x = margin, y = margin;
  for (const auto& word : words) {
    const int length = std::min(text_width(word.word, size), width - 2 * margin);
    if (x > margin && x + length > width - margin) x = margin, y += leading;
    line.boxes.emplace_back(x, y, length, leading);
    x += length + blank;
  }
  line.height = y + leading + margin;
  return line;
}

/// `shown` with the sentence below; `current` is marked, and with -1 none is.
cv::Mat compose(const cv::Mat& shown, const std::vector<WordMap>& words, const Line& line, int current, int width) {
  cv::Mat frame(shown.rows + line.height, width, CV_8UC3, paper);
  shown.copyTo(frame(cv::Rect({(width - shown.cols) / 2, 0}, shown.size())));
  for (size_t t = 0; t < words.size(); ++t) {
    const cv::Rect box = line.boxes[t] + cv::Point(0, shown.rows);
    const bool marked = static_cast<int>(t) == current;
    if (marked) {
      const int pad = line.size / 5;
      cv::rectangle(frame, cv::Rect(box.x - pad, box.y, box.width + 2 * pad, box.height), accent, cv::FILLED);
    }
    const int baseline = box.y + (box.height + capital_height(line.size)) / 2;
    draw_text(frame, {box.x, baseline}, words[t].word, line.size, marked ? white : current < 0 ? ink : soft);
  }
  return frame;
}

[[noreturn]] void refuse(const std::filesystem::path& path) {
  throw Error(path.string() + ": an animation of this size can't be encoded");
}

std::string as_webp(const std::filesystem::path& path, const std::vector<Frame>& frames) {
  WebPAnimEncoderOptions options;
  WebPConfig config;
  if (!WebPAnimEncoderOptionsInit(&options) || !WebPConfigInit(&config)) refuse(path);
  config.quality = 75;
  config.method = 2;  // the slower ones save a tenth of the bytes in four times the time
  const cv::Size size = frames.front().picture.size();
  const std::unique_ptr<WebPAnimEncoder, void (*)(WebPAnimEncoder*)> encoder(
      WebPAnimEncoderNew(size.width, size.height, &options), WebPAnimEncoderDelete);
  if (!encoder) refuse(path);
  int time = 0;
  for (const auto& frame : frames) {
    WebPPicture picture;
    if (!WebPPictureInit(&picture)) refuse(path);
    picture.width = size.width, picture.height = size.height, picture.use_argb = 1;
    const bool added = WebPPictureImportBGR(&picture, frame.picture.data, static_cast<int>(frame.picture.step)) &&
                       WebPAnimEncoderAdd(encoder.get(), &picture, time, &config);
    WebPPictureFree(&picture);
    if (!added) refuse(path);
    time += frame.milliseconds;
  }
  WebPData data;
  WebPDataInit(&data);
  if (!WebPAnimEncoderAdd(encoder.get(), nullptr, time, nullptr) || !WebPAnimEncoderAssemble(encoder.get(), &data))
    refuse(path);
  std::string bytes(reinterpret_cast<const char*>(data.bytes), data.size);
  WebPDataClear(&data);
  return bytes;
}

int append(GifFileType* gif, const GifByteType* bytes, int count) {
  static_cast<std::string*>(gif->UserData)->append(reinterpret_cast<const char*>(bytes), static_cast<size_t>(count));
  return count;
}

/// One frame: its delay, its own 256 colours (median cut), its pixels.
bool put_frame(GifFileType* gif, const Frame& frame) {
  const cv::Size size = frame.picture.size();
  cv::Mat planes[3];
  cv::split(frame.picture.isContinuous() ? frame.picture : frame.picture.clone(), planes);
  const std::unique_ptr<ColorMapObject, void (*)(ColorMapObject*)> colours(GifMakeMapObject(256, nullptr),
                                                                           GifFreeMapObject);
  std::vector<GifByteType> indices(static_cast<size_t>(size.area()));
  int count = 256;
  if (!colours ||
      GifQuantizeBuffer(static_cast<unsigned>(size.width), static_cast<unsigned>(size.height), &count, planes[2].data,
                        planes[1].data, planes[0].data, indices.data(), colours->Colors) == GIF_ERROR)
    return false;
  GraphicsControlBlock control{DISPOSE_DO_NOT, false, std::max(frame.milliseconds / 10, 2), NO_TRANSPARENT_COLOR};
  GifByteType extension[4];
  EGifGCBToExtension(&control, extension);
  if (EGifPutExtension(gif, GRAPHICS_EXT_FUNC_CODE, sizeof extension, extension) == GIF_ERROR ||
      EGifPutImageDesc(gif, 0, 0, size.width, size.height, false, colours.get()) == GIF_ERROR)
    return false;
  for (int y = 0; y < size.height; ++y)
    if (EGifPutLine(gif, indices.data() + y * size.width, size.width) == GIF_ERROR) return false;
  return true;
}

std::string as_gif(const std::filesystem::path& path, const std::vector<Frame>& frames) {
  std::string bytes;
  int error = 0;
  GifFileType* gif = EGifOpen(&bytes, append, &error);
  if (!gif) refuse(path);
  EGifSetGifVersion(gif, true);
  const cv::Size size = frames.front().picture.size();
  // Netscape's extension: repeat for ever.
  const unsigned char application[] = "NETSCAPE2.0", loop[] = {1, 0, 0};
  bool fine = EGifPutScreenDesc(gif, size.width, size.height, 8, 0, nullptr) != GIF_ERROR &&
              EGifPutExtensionLeader(gif, APPLICATION_EXT_FUNC_CODE) != GIF_ERROR &&
              EGifPutExtensionBlock(gif, 11, application) != GIF_ERROR &&
              EGifPutExtensionBlock(gif, sizeof loop, loop) != GIF_ERROR && EGifPutExtensionTrailer(gif) != GIF_ERROR;
  for (size_t i = 0; fine && i < frames.size(); ++i) fine = put_frame(gif, frames[i]);
  fine = EGifCloseFile(gif, &error) != GIF_ERROR && fine;
  if (!fine) refuse(path);
  return bytes;
}

}  // namespace

void AnimationOptions::list(OptionList& options) {
  options.section("animation", "Animations", "animate_");
  options.add("size", size, "longer side of the animated picture, pixels", between(64, 2048));
  options.add("word_time", word_time, "milliseconds a word stays", between(20, 60000));
  options.add("fade_time", fade_time, "milliseconds from one word to the next", between(0, 10000));
}

std::vector<Frame> animate(const cv::Mat& picture, const Geometry& geometry, const std::vector<WordMap>& words,
                           const OverlayOptions& style, const AnimationOptions& options) {
  constexpr int kFadeStep = 80, kStill = 1200;  // milliseconds
  const cv::Size full = geometry.full();
  const double scale = double(options.size) / std::max(full.width, full.height);
  const auto side = [&](int length) { return std::max(2, static_cast<int>(std::lround(length * scale))); };
  cv::Mat small;
  cv::resize(picture, small, {side(full.width), side(full.height)}, 0, 0,
             picture.cols > side(full.width) ? cv::INTER_AREA : cv::INTER_LINEAR);
  const int width = std::max(small.cols, options.size / 2);
  const int font = std::max(static_cast<int>(std::lround(options.size / 20.0 * style.font_scale)), 8);
  const Line line = lay_out(words, width, font);

  std::vector<Frame> frames{{compose(small, words, line, -1, width), kStill}};
  cv::Mat before;
  for (size_t t = 0; t < words.size(); ++t) {
    const cv::Mat light = light_of(words[t].attention, geometry, small.size(), style.smoothing);
    const int steps = before.empty() ? 0 : options.fade_time / kFadeStep;
    for (int i = 1; i <= steps; ++i) {
      const double share = double(i) / (steps + 1);
      const cv::Mat between = before * (1 - share) + light * share;
      frames.push_back({compose(lay_over(small, between, style), words, line, static_cast<int>(t), width), kFadeStep});
    }
    frames.push_back(
        {compose(lay_over(small, light, style), words, line, static_cast<int>(t), width), options.word_time});
    before = light;
  }
  frames.push_back({frames.front().picture, kStill});
  return frames;
}

void write_animation(const std::filesystem::path& path, const std::vector<Frame>& frames) {
  if (path.extension() == ".webp")
    write_file_atomically(path, marked(as_webp(path, frames)));
  else if (path.extension() == ".gif")
    write_file_atomically(path, marked(as_gif(path, frames)));
  else
    throw UsageError(path.string() + ": animations are written as .webp or .gif");
}

}  // namespace attend
