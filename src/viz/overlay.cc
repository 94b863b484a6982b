#include "viz/overlay.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <sstream>

#include "base/error.h"
#include "base/files.h"
#include "viz/typeface.h"

namespace attend {
namespace {

const cv::Scalar paper(246, 246, 246), ink(38, 32, 28), plate_white(255, 255, 255), backdrop(226, 226, 226);

/// Pictures with a shorter side are drawn like a tile: a word wouldn't fit on them.
constexpr int smallest_labelled = 96;

/// Font size of the words on tiles.
int label_size(const OverlayOptions& options) { return std::max(options.tile / 14, 10); }

/// `picture` under the light of a map (f32, same size, 0 to 1): darkened where it is 0, whitened where it is 1.
cv::Mat lit(const cv::Mat& picture, const cv::Mat& light, const OverlayOptions& options) {
  cv::Mat out(picture.size(), CV_8UC3);
  const auto dark = static_cast<float>(1 - options.darken), glow = static_cast<float>(options.glow);
  for (int y = 0; y < picture.rows; ++y) {
    const auto* from = picture.ptr<cv::Vec3b>(y);
    const auto* map = light.ptr<float>(y);
    auto* to = out.ptr<cv::Vec3b>(y);
    for (int x = 0; x < picture.cols; ++x) {
      const float white = glow * map[x];
      const float gain = (dark + (1 - dark) * map[x]) * (1 - white);
      for (int c = 0; c < 3; ++c) to[x][c] = static_cast<unsigned char>(gain * from[x][c] + white * 255 + 0.5f);
    }
  }
  return out;
}

/// A word's attention over the whole picture at size `target`, its peak 1.
cv::Mat light_of(const WordMap& word, const Geometry& geometry, cv::Size target, double smoothing) {
  cv::Mat light = geometry.to_picture(word.attention, target, smoothing);
  double peak = 0;
  cv::minMaxLoc(light, nullptr, &peak);
  if (peak > 0) light *= 1 / peak;
  return light;
}

/// A box with round corners, smooth edges, `share` of its colour.
void draw_plate(cv::Mat& picture, const cv::Rect& box, double radius, const cv::Scalar& colour, double share) {
  const cv::Rect visible = box & cv::Rect({}, picture.size());
  const cv::Point2d centre(box.x + box.width / 2.0, box.y + box.height / 2.0);
  for (int y = visible.y; y < visible.br().y; ++y)
    for (int x = visible.x; x < visible.br().x; ++x) {
      // Distance from the pixel's centre to the edge, positive inside.
      const double across = std::max(std::abs(x + 0.5 - centre.x) - (box.width / 2.0 - radius), 0.0);
      const double down = std::max(std::abs(y + 0.5 - centre.y) - (box.height / 2.0 - radius), 0.0);
      const double weight = share * std::clamp(radius - std::hypot(across, down) + 0.5, 0.0, 1.0);
      auto& pixel = picture.at<cv::Vec3b>(y, x);
      for (int c = 0; c < 3; ++c)
        pixel[c] = cv::saturate_cast<unsigned char>(pixel[c] * (1 - weight) + colour[c] * weight);
    }
}

/// `word` at `size`, or smaller, or cut short with an ellipsis, so that it is at most `width` wide.
std::string fit(std::string word, int& size, int width) {
  const int smallest = std::max(size * 3 / 5, 8);
  while (size > smallest && text_width(word, size) > width) --size;
  if (text_width(word, size) <= width) return word;
  while (!word.empty() && text_width(word + "…", size) > width) {
    while (!word.empty() && (word.back() & 0xc0) == 0x80) word.pop_back();  // the rest of a UTF-8 character
    if (!word.empty()) word.pop_back();
  }
  return word + "…";
}

/// The word on a white plate in the upper left corner.
void draw_label(cv::Mat& picture, const std::string& word, int size) {
  const int margin = size * 2 / 5, inner = size * 9 / 20;
  const std::string text = fit(word, size, picture.cols - 2 * (margin + inner));
  const int capital = capital_height(size), height = capital + 2 * inner;
  draw_plate(picture, {margin, margin, text_width(text, size) + 2 * inner, height}, height * 0.22, plate_white, 0.94);
  draw_text(picture, {margin + inner, margin + inner + capital}, text, size, ink);
}

/// The size of a tile's picture: the longer side `tile`, the shorter as the aspect ratio asks, but visible.
cv::Size tile_picture_size(cv::Size full, int tile) {
  const double scale = double(tile) / std::max(full.width, full.height);
  const auto side = [&](int length) { return std::clamp(static_cast<int>(std::lround(length * scale)), 6, tile); };
  return {side(full.width), side(full.height)};
}

/// The size of the box a tile's picture stands in: wide enough for a word, however narrow the picture.
cv::Size tile_box_size(cv::Size picture, int tile) {
  return {std::max(picture.width, tile * 2 / 5), std::max(picture.height, tile / 4)};
}

/// `picture` in the middle of `tile`.
void put(const cv::Mat& picture, cv::Mat tile) {
  if (picture.size() != tile.size()) tile.setTo(backdrop);
  picture.copyTo(tile(cv::Rect({(tile.cols - picture.cols) / 2, (tile.rows - picture.rows) / 2}, picture.size())));
}

cv::Mat scaled(const cv::Mat& picture, cv::Size size) {
  const bool shrinks = size.width < picture.cols || size.height < picture.rows;
  cv::Mat out;
  cv::resize(picture, out, size, 0, 0, shrinks ? cv::INTER_AREA : cv::INTER_LINEAR);
  return out;
}

std::vector<std::string> wrapped(const std::string& text, int size, int width) {
  std::vector<std::string> lines(1);
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    const std::string longer = lines.back().empty() ? word : lines.back() + ' ' + word;
    if (!lines.back().empty() && text_width(longer, size) > width) {
      lines.push_back(word);
    } else {
      lines.back() = longer;
    }
  }
  return lines;
}

}  // namespace

void OverlayOptions::list(OptionList& options) {
  options.section("overlay", "Overlays", "overlay_");
  options.add("tile", tile, "longer side of a tile on a page, pixels", between(64, 2048));
  options.add("columns", columns, "tiles in a row of a page", between(1, 50));
  options.add("darken", darken, "light taken from where a word doesn't look", between(0, 1));
  options.add("glow", glow, "white laid over where a word looks most", between(0, 1));
  options.add("smoothing", smoothing, "smoothing of the attention, standard deviation in grid cells; 0 shows the cells",
              between(0, 10));
}

cv::Mat draw_word(const cv::Mat& picture, const Geometry& geometry, const WordMap& word,
                  const OverlayOptions& options) {
  const int shorter = std::min(picture.cols, picture.rows), longer = std::max(picture.cols, picture.rows);
  cv::Mat shown = picture;
  cv::Size box = picture.size();
  if (shorter < smallest_labelled) {
    shown = scaled(picture, tile_picture_size(geometry.full(), options.tile));
    box = tile_box_size(shown.size(), options.tile);
  }
  cv::Mat out(box, CV_8UC3);
  put(lit(shown, light_of(word, geometry, shown.size(), options.smoothing), options), out);
  draw_label(out, word.word,
             shown.data == picture.data ? std::clamp(longer / 18, 12, shorter / 6) : label_size(options));
  return out;
}

cv::Mat draw_page(const cv::Mat& picture, const Geometry& geometry, const std::vector<WordMap>& words,
                  const std::string& caption, const OverlayOptions& options) {
  const cv::Mat small = scaled(picture, tile_picture_size(geometry.full(), options.tile));
  const cv::Size box = tile_box_size(small.size(), options.tile);
  const int count = static_cast<int>(words.size()) + 1;
  const int rows = (count + options.columns - 1) / options.columns;
  const int columns = (count + rows - 1) / rows;  // rows of equal length, not a full one and a stub
  const int gap = std::max(options.tile / 32, 4), margin = 3 * gap;
  const int caption_size = std::max(options.tile / 12, 12);
  const int width = columns * (box.width + gap) - gap + 2 * margin;

  const int capital = capital_height(caption_size), leading = caption_size * 3 / 2;
  const auto lines = wrapped(caption, caption_size, width - 2 * margin);
  const int head = caption.empty() ? margin : 2 * margin + capital + leading * static_cast<int>(lines.size() - 1);
  cv::Mat page(head + rows * (box.height + gap) - gap + margin, width, CV_8UC3, paper);
  if (!caption.empty())
    for (size_t i = 0; i < lines.size(); ++i)
      draw_text(page, {margin, margin + capital + leading * static_cast<int>(i)}, lines[i], caption_size, ink);

  for (int i = 0; i < count; ++i) {
    const cv::Point corner(margin + i % columns * (box.width + gap), head + i / columns * (box.height + gap));
    cv::Mat tile = page({corner, box});
    if (i == 0) {
      put(small, tile);
      continue;
    }
    const auto& word = words[static_cast<size_t>(i - 1)];
    put(lit(small, light_of(word, geometry, small.size(), options.smoothing), options), tile);
    draw_label(tile, word.word, label_size(options));
  }
  return page;
}

void write_picture(const std::filesystem::path& path, const cv::Mat& picture) {
  std::string extension = path.extension().string();
  for (auto& letter : extension) letter = static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
  if (extension != ".png" && extension != ".jpg" && extension != ".jpeg" && extension != ".webp")
    throw UsageError(path.string() + ": pictures are written as .png, .jpg, .jpeg or .webp");
  std::vector<unsigned char> bytes;
  try {
    const std::vector<int> quality = extension == ".webp" ? std::vector<int>{cv::IMWRITE_WEBP_QUALITY, 90}
                                                          : std::vector<int>{cv::IMWRITE_JPEG_QUALITY, 92};
    if (!cv::imencode(extension, picture, bytes, quality)) bytes.clear();
  } catch (const cv::Exception&) {
    bytes.clear();
  }
  if (bytes.empty())
    throw Error(path.string() + ": a picture of " + std::to_string(picture.cols) + "x" + std::to_string(picture.rows) +
                " pixels can't be written in this format");
  AtomicFile file(path);
  file.write(bytes.data(), bytes.size());
  file.commit();
}

}  // namespace attend
