#include "viz/overlay.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdio>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <sstream>

#include "base/error.h"
#include "base/files.h"
#include "vision/mark.h"
#include "viz/typeface.h"

namespace attend {
namespace {

const cv::Scalar paper(246, 246, 246), ink(38, 32, 28), plate_white(255, 255, 255), backdrop(226, 226, 226);

/// Pictures with a shorter side are drawn like a tile: a word wouldn't fit on them.
constexpr int smallest_labelled = 96;

/// Font size of the words on tiles.
int label_size(const OverlayOptions& options) {
  return std::max(static_cast<int>(std::lround(std::max(options.tile / 14, 10) * options.font_scale)), 6);
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

/// The outline of the cell hard attention looked at, light on dark so that it shows on any picture.
void outline_cell(cv::Mat& picture, const Geometry& geometry, const WordMap& word) {
  if (!word.cell) return;
  const cv::Rect2d cell = geometry.cell(word.cell->y, word.cell->x, word.attention.rows, word.attention.cols);
  const double x = double(picture.cols) / geometry.full().width, y = double(picture.rows) / geometry.full().height;
  const cv::Rect box(cv::Point(cvRound(cell.x * x), cvRound(cell.y * y)),
                     cv::Point(cvRound(cell.br().x * x), cvRound(cell.br().y * y)));
  const int line = std::max(std::min(picture.cols, picture.rows) / 120, 1);
  cv::rectangle(picture, box, ink, 3 * line);
  cv::rectangle(picture, box, plate_white, line);
}

/// The colour bar with what its ends stand for, its middle at height `y`.
void draw_scale(cv::Mat& picture, int x, int y, int size, const std::string& most) {
  const int capital = capital_height(size), gap = size / 3;
  draw_text(picture, {x, y + capital / 2}, "0", size, ink);
  x += text_width("0", size) + gap;
  const cv::Rect box = cv::Rect(x, y - size / 4, 5 * size, std::max(size / 2, 1)) & cv::Rect({}, picture.size());
  if (!box.empty()) colour_bar({5 * size, box.height}).colRange(0, box.width).copyTo(picture(box));
  draw_text(picture, {x + 5 * size + gap, y + capital / 2}, most, size, ink);
}

int scale_width(int size, const std::string& most) {
  return text_width("0", size) + 5 * size + 2 * (size / 3) + text_width(most, size);
}

/// The colour bar on a white plate in the lower left corner; left out where it wouldn't fit.
void draw_scale_plate(cv::Mat& picture, int size, double peak) {
  char most[32];
  std::snprintf(most, sizeof most, "%.2g %%", 100 * peak);
  const int margin = size * 2 / 5, height = size * 3 / 2, width = scale_width(size, most) + size;
  if (width + 2 * margin > picture.cols || 3 * height > picture.rows) return;
  const int top = picture.rows - margin - height;
  draw_plate(picture, {margin, top, width, height}, height * 0.22, plate_white, 0.94);
  draw_scale(picture, margin + size / 2, top + height / 2, size, most);
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

/// Text in the place of a tile, smaller where it wouldn't fit.
void draw_title(cv::Mat place, const std::string& title, int size) {
  auto lines = wrapped(title, size, place.cols);
  while (size > 8 && static_cast<int>(lines.size()) * (size * 3 / 2) > place.rows)
    lines = wrapped(title, --size, place.cols);
  int y = capital_height(size) + size / 2;
  for (const auto& line : lines) {
    draw_text(place, {0, y}, line, size, ink);
    y += size * 3 / 2;
  }
}

}  // namespace

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
  double peak = 0;
  const cv::Mat light = light_of(word.attention, geometry, shown.size(), options.smoothing, &peak);
  cv::Mat lit = lay_over(shown, light, options);
  outline_cell(lit, geometry, word);
  put(lit, out);
  const int usual = std::clamp(longer / 18, 12, shorter / 6);
  const int size = shown.data == picture.data ? std::max(static_cast<int>(std::lround(usual * options.font_scale)), 6)
                                              : label_size(options);
  draw_label(out, word.word, size);
  if (options.has_scale()) draw_scale_plate(out, std::max(size * 2 / 3, 6), peak);
  return out;
}

cv::Mat draw_page(const cv::Mat& picture, const Geometry& geometry, const std::vector<WordMap>& words,
                  const std::string& caption, const OverlayOptions& options, const std::vector<MapRow>& beneath) {
  const cv::Mat small = scaled(picture, tile_picture_size(geometry.full(), options.tile));
  const cv::Size box = tile_box_size(small.size(), options.tile);
  const int count = static_cast<int>(words.size()) + 1;
  const int rows = (count + options.columns - 1) / options.columns;
  const int columns = (count + rows - 1) / rows;  // rows of equal length, not a full one and a stub
  const int gap = std::max(options.tile / 32, 4), margin = 3 * gap;
  const int caption_size =
      std::max(static_cast<int>(std::lround(std::max(options.tile / 12, 12) * options.font_scale)), 6);
  const int width = columns * (box.width + gap) - gap + 2 * margin;

  const int capital = capital_height(caption_size), leading = caption_size * 3 / 2;
  const auto lines = wrapped(caption, caption_size, width - 2 * margin);
  const int head = caption.empty() ? margin : 2 * margin + capital + leading * static_cast<int>(lines.size() - 1);
  const int lines_of_tiles = 1 + static_cast<int>(beneath.size());  // of each row of words
  const int between = beneath.empty() ? gap : 3 * gap;              // rows of words
  const int row_height = lines_of_tiles * (box.height + gap) - gap;
  const int tiles_end = head + rows * (row_height + between) - between;
  const int foot = options.has_scale() ? margin + 2 * caption_size : margin;
  cv::Mat page(tiles_end + foot, width, CV_8UC3, paper);
  if (!caption.empty())
    for (size_t i = 0; i < lines.size(); ++i)
      draw_text(page, {margin, margin + capital + leading * static_cast<int>(i)}, lines[i], caption_size, ink);

  const auto draw_tile = [&](const WordMap& word, cv::Mat tile) {
    cv::Mat lit = lay_over(small, light_of(word.attention, geometry, small.size(), options.smoothing), options);
    outline_cell(lit, geometry, word);
    put(lit, tile);
    draw_label(tile, word.word, label_size(options));
  };
  for (int i = 0; i < count; ++i) {
    cv::Rect place({margin + i % columns * (box.width + gap), head + i / columns * (row_height + between)}, box);
    if (i == 0) {
      put(small, page(place));
    } else {
      draw_tile(words[static_cast<size_t>(i - 1)], page(place));
    }
    for (const auto& row : beneath) {
      place.y += box.height + gap;
      if (i == 0) {
        draw_title(page(place), row.title, label_size(options));
      } else {
        draw_tile(row.maps[static_cast<size_t>(i - 1)], page(place));
      }
    }
  }
  if (options.has_scale())
    draw_scale(page, margin, tiles_end + foot / 2, std::max(caption_size * 4 / 5, 6), "each word's peak");
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
  file.write(marked({bytes.begin(), bytes.end()}));
  file.commit();
}

}  // namespace attend
