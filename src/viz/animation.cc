#include "viz/animation.h"

#include <gif_lib.h>
#include <webp/encode.h>
#include <webp/mux.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <opencv2/imgproc.hpp>
#include <string>

#include "base/error.h"
#include "base/files.h"
#include "vision/mark.h"
#include "viz/typeface.h"

namespace attend {
namespace {

const cv::Scalar paper(246, 246, 246), ink(38, 32, 28), soft(150, 146, 142), white(255, 255, 255);

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
      cv::rectangle(frame, cv::Rect(box.x - pad, box.y, box.width + 2 * pad, box.height), ink, cv::FILLED);
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
  // Every frame is whole: one that is laid over the last keeps that one's blocks where they differ little, which show as ghosts
  // when the light moves on. At a lower quality whole blocks are lighter or darker than they should be, too.
  options.kmin = 0, options.kmax = 1;
  config.quality = 85;
  config.sns_strength = 0;
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

constexpr size_t kColours = 256;
constexpr size_t kExtremes = 64;         // of them
using Palette = std::vector<cv::Vec3f>;  // BGR

size_t nearest(const Palette& palette, const cv::Vec3f& colour) {
  size_t best = 0;
  float least = std::numeric_limits<float>::max();
  for (size_t c = 0; c < palette.size(); ++c) {
    const cv::Vec3f away = palette[c] - colour;
    if (const float distance = away.dot(away); distance < least) least = distance, best = c;
  }
  return best;
}

/// The colours of a picture, at most kColours, chosen one by one from the means of its colours in steps of eight: first those
/// that are farthest from the ones chosen, so that all others lie between them, then those for which distance and pixels are much.
Palette palette_of(const cv::Mat& picture) {
  struct Sum {
    cv::Vec3d colour;
    double pixels = 0;
  };
  std::vector<Sum> cells(1 << 15);
  for (auto pixel = picture.begin<cv::Vec3b>(); pixel != picture.end<cv::Vec3b>(); ++pixel) {
    auto& cell = cells[static_cast<size_t>(((*pixel)[0] >> 3) << 10 | ((*pixel)[1] >> 3) << 5 | (*pixel)[2] >> 3)];
    cell.colour += cv::Vec3d(*pixel);
    ++cell.pixels;
  }
  std::erase_if(cells, [](const Sum& cell) { return cell.pixels == 0; });
  std::vector<cv::Vec3f> colours;
  for (const auto& cell : cells) colours.push_back(cell.colour * (1 / cell.pixels));
  Palette palette{colours.front()};
  std::vector<float> distances(colours.size(), std::numeric_limits<float>::max());
  while (palette.size() < std::min(kColours, colours.size())) {
    size_t farthest = 0;
    double most = -1;
    for (size_t i = 0; i < colours.size(); ++i) {
      const cv::Vec3f away = colours[i] - palette.back();
      distances[i] = std::min(distances[i], away.dot(away));
      const double far = distances[i] * (palette.size() < kExtremes ? 1 : std::pow(cells[i].pixels, 0.7));
      if (far > most) most = far, farthest = i;
    }
    palette.push_back(colours[farthest]);
  }
  for (auto& colour : palette) colour = cv::Vec3f(cv::Vec3b(colour));  // as the file has them
  return palette;
}

/// The place in the palette of each pixel, whose errors its neighbours make up for (Floyd and Steinberg 1976): areas keep their
/// means.
std::vector<GifByteType> dithered(const cv::Mat& picture, const Palette& palette) {
  std::vector<GifByteType> indices;
  indices.reserve(picture.total());
  std::vector<int16_t> known(1 << 18, -1);  // the nearest to colours of 6 bits a channel
  std::vector<cv::Vec3f> here(static_cast<size_t>(picture.cols) + 2), below(here.size());  // errors, from pixel -1
  for (int y = 0; y < picture.rows; ++y) {
    const auto* row = picture.ptr<cv::Vec3b>(y);
    for (size_t x = 0; x < static_cast<size_t>(picture.cols); ++x) {
      cv::Vec3f wanted = cv::Vec3f(row[x]) + here[x + 1];
      for (int c = 0; c < 3; ++c) wanted[c] = std::clamp(wanted[c], 0.0f, 255.0f);
      const cv::Vec3b rounded(wanted);
      auto& place = known[static_cast<size_t>((rounded[0] >> 2) << 12 | (rounded[1] >> 2) << 6 | rounded[2] >> 2)];
      if (place < 0) place = static_cast<int16_t>(nearest(palette, wanted));
      const cv::Vec3f error = wanted - palette[static_cast<size_t>(place)];
      here[x + 2] += error * (7 / 16.0f);
      below[x] += error * (3 / 16.0f);
      below[x + 1] += error * (5 / 16.0f);
      below[x + 2] += error * (1 / 16.0f);
      indices.push_back(static_cast<GifByteType>(place));
    }
    here.swap(below);
    std::fill(below.begin(), below.end(), cv::Vec3f());
  }
  return indices;
}

/// One frame: its delay, its own colours, its pixels.
bool put_frame(GifFileType* gif, const Frame& frame) {
  const cv::Size size = frame.picture.size();
  const Palette palette = palette_of(frame.picture);
  auto indices = dithered(frame.picture, palette);
  const std::unique_ptr<ColorMapObject, void (*)(ColorMapObject*)> colours(GifMakeMapObject(kColours, nullptr),
                                                                           GifFreeMapObject);
  if (!colours) return false;
  for (size_t c = 0; c < palette.size(); ++c)
    colours->Colors[c] = {static_cast<GifByteType>(palette[c][2]), static_cast<GifByteType>(palette[c][1]),
                          static_cast<GifByteType>(palette[c][0])};
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
  const auto side = [&](int length) { return std::max(1, static_cast<int>(std::lround(length * scale))); };
  cv::Mat small;
  cv::resize(picture, small, {side(full.width), side(full.height)}, 0, 0,
             picture.cols > side(full.width) ? cv::INTER_AREA : cv::INTER_LINEAR);
  const int width = std::max(small.cols, options.size / 2);
  const int font = std::max(static_cast<int>(std::lround(options.size / 20.0 * style.font_scale)), 8);
  const Line line = lay_out(words, width, font);

  const double full_light = full_weight(words, geometry, style);
  std::vector<Frame> frames{{compose(small, words, line, -1, width), kStill}};
  cv::Mat before;
  for (size_t t = 0; t < words.size(); ++t) {
    const cv::Mat light = light_of(words[t].attention, geometry, small.size(), style.smoothing, full_light);
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
