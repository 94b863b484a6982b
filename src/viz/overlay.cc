#include "viz/overlay.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdio>
#include <opencv2/imgproc.hpp>
#include <sstream>

#include "base/error.h"
#include "base/files.h"
#include "vision/encode.h"
#include "vision/mark.h"
#include "viz/typeface.h"

namespace attend {
namespace {

const cv::Scalar paper(246, 246, 246), ink(38, 32, 28), soft(110, 105, 100), white(255, 255, 255);

/// Pictures with a shorter side are drawn at the size of a tile: too little would be seen of them.
constexpr int smallest_shown = 96;

/// Font size of the words above tiles.
int label_size(const OverlayOptions& options) {
  return std::max(static_cast<int>(std::lround(std::max(options.tile / 14, 10) * options.font_scale)), 6);
}

/// Height of the line above a picture that its word stands in.
int label_height(int size) { return capital_height(size) + size; }

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

/// "0.42 %", "3.1 %", "42 %".
std::string percent(double share) {
  char text[32];
  std::snprintf(text, sizeof text, share < 0.00995 ? "%.2g %%" : share < 0.0995 ? "%.1f %%" : "%.0f %%", 100 * share);
  return text;
}

/// The word, and in soft letters at the end of the line `beside`, where there is room for it. Text stands on paper, never on a
/// picture: it can't cover what a word looked at.
void draw_label(cv::Mat line, std::string word, int size, const std::string& beside) {
  const int baseline = (line.rows + capital_height(size)) / 2;
  word = fit(std::move(word), size, line.cols);
  draw_text(line, {0, baseline}, word, size, ink);
  const int small = std::max(size * 5 / 6, 6), width = text_width(beside, small);
  if (text_width(word, size) + size / 2 + width > line.cols) return;
  draw_text(line, {line.cols - width, baseline}, beside, small, soft);
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
  cv::rectangle(picture, box, white, line);
}

/// What the colours of heat maps and contours stand for, in a line or, where that is too wide, in more.
class Legend {
 public:
  /// full: the weight that the scale ends at; 0: each word has its own.
  Legend(const OverlayOptions& options, double full, int size, int width) : size_(size) {
    const std::string own = "each word's peak";
    if (options.style == "heat") {
      pieces_ = {{"0", {}}, {"", colour_bar({6 * size, std::max(size / 2, 1)})}, {full > 0 ? percent(full) : own, {}}};
    } else if (options.style == "contour") {
      for (const float level : kContourLevels) {
        pieces_.push_back({"", contour_sample({2 * size, size}, level, options.alpha)});
        pieces_.push_back({percent(full > 0 ? level * full : level) + " ", {}});
      }
      if (!(full > 0)) pieces_.push_back({"of " + own, {}});
    }
    int x = 0, y = 0;
    for (const auto& piece : pieces_) {
      const int wide = width_of(piece);
      if (x > 0 && x + wide > width) x = 0, y += line();
      places_.emplace_back(x, y);
      x += wide + size / 3;
      width_ = std::max(width_, x - size / 3);
    }
    height_ = pieces_.empty() ? 0 : y + line();
  }
  int width() const { return width_; }
  int height() const { return height_; }
  int line() const { return label_height(size_); }

  void draw(cv::Mat& picture, cv::Point corner) const {
    for (size_t i = 0; i < pieces_.size(); ++i) {
      const auto& [text, swatch] = pieces_[i];
      const cv::Point at = corner + places_[i];
      draw_text(picture, {at.x, at.y + (line() + capital_height(size_)) / 2}, text, size_, ink);
      const cv::Rect box = cv::Rect({at.x, at.y + (line() - swatch.rows) / 2}, swatch.size());
      const cv::Rect seen = box & cv::Rect({}, picture.size());
      if (!seen.empty()) swatch(seen - box.tl()).copyTo(picture(seen));
    }
  }

 private:
  struct Piece {
    std::string text;
    cv::Mat swatch;  // one of the two
  };
  int width_of(const Piece& piece) const {
    return piece.swatch.empty() ? text_width(piece.text, size_) : piece.swatch.cols;
  }

  const int size_;
  int width_ = 0, height_ = 0;
  std::vector<Piece> pieces_;
  std::vector<cv::Point> places_;
};

/// A word's map over the picture, and its peak.
cv::Mat draw_map(const cv::Mat& picture, const Geometry& geometry, const WordMap& word, const OverlayOptions& options,
                 double full, double* peak = nullptr) {
  cv::Mat lit =
      lay_over(picture, light_of(word.attention, geometry, picture.size(), options.smoothing, full, peak), options);
  outline_cell(lit, geometry, word);
  return lit;
}

/// The size of a tile's picture, in its own proportions: the longer side `tile`, but up to three times that where the shorter
/// would be less than a sixth of it.
cv::Size tile_picture_size(cv::Size full, int tile) {
  const double longer = std::max(full.width, full.height), shorter = std::min(full.width, full.height);
  const double scale = std::min(std::max(tile / longer, tile / 6.0 / shorter), 3 * tile / longer);
  const auto side = [&](int length) { return std::max(1, static_cast<int>(std::lround(length * scale))); };
  return {side(full.width), side(full.height)};
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

double full_weight(const std::vector<WordMap>& words, const Geometry& geometry, const OverlayOptions& options) {
  double most = 0;
  if (options.scale == "page")
    for (const auto& word : words) {
      double peak = 0;
      light_of(word.attention, geometry, {64, 64}, options.smoothing, 0, &peak);
      most = std::max(most, peak);
    }
  return most;
}

cv::Mat draw_word(const cv::Mat& picture, const Geometry& geometry, const WordMap& word, const OverlayOptions& options,
                  double full) {
  const int shorter = std::min(picture.cols, picture.rows), longer = std::max(picture.cols, picture.rows);
  const bool as_tile = shorter < smallest_shown;
  const cv::Mat shown = as_tile ? scaled(picture, tile_picture_size(geometry.full(), options.tile)) : picture;
  const int usual = static_cast<int>(std::lround(std::clamp(longer / 22, 12, shorter / 6) * options.font_scale));
  const int size = as_tile ? label_size(options) : std::max(usual, 6);
  double peak = 0;
  const cv::Mat lit = draw_map(shown, geometry, word, options, full, &peak);
  const int margin = size / 2, least = as_tile ? options.tile * 2 / 5 : 0;
  const int width = std::max(shown.cols, least), line = label_height(size) + margin;
  const Legend legend(options, full > 0 ? full : peak, std::max(size * 2 / 3, 6), width - 2 * margin);
  // The legend stands behind the word where both fit, else below.
  const bool behind =
      text_width(word.word, size) + size + legend.width() <= width - 2 * margin && legend.height() == legend.line();
  const int head = line + (behind ? 0 : legend.height());
  cv::Mat out(head + shown.rows, width, CV_8UC3, paper);
  draw_label(out(cv::Rect(margin, 0, width - 2 * margin, line)), word.word, size, "");
  legend.draw(out, behind ? cv::Point(width - margin - legend.width(), (line - legend.line()) / 2)
                          : cv::Point(margin, line - margin / 2));
  lit.copyTo(out(cv::Rect({0, head}, lit.size())));
  return out;
}

cv::Mat draw_page(const cv::Mat& picture, const Geometry& geometry, const std::vector<WordMap>& words,
                  const std::string& caption, const OverlayOptions& options, const std::vector<MapRow>& beneath) {
  const cv::Mat small = scaled(picture, tile_picture_size(geometry.full(), options.tile));
  const cv::Size box(std::max(small.cols, options.tile * 2 / 5), small.rows);  // wide enough for a word
  const int label = label_size(options), line = label_height(label);
  const int gap = std::max(options.tile / 32, 4), margin = 3 * gap;
  const int count = static_cast<int>(words.size()) + 1;
  // Panoramas' tiles are wider than others': fewer of them make a row as long.
  const int most = std::clamp(options.columns * (options.tile + gap) / (box.width + gap), 1, options.columns);
  const int rows = (count + most - 1) / most;
  const int columns = (count + rows - 1) / rows;  // rows of equal length, not a full one and a stub
  const int caption_size =
      std::max(static_cast<int>(std::lround(std::max(options.tile / 12, 12) * options.font_scale)), 6);
  const int width = columns * (box.width + gap) - gap + 2 * margin;

  const int capital = capital_height(caption_size), leading = caption_size * 3 / 2;
  const auto lines = wrapped(caption, caption_size, width - 2 * margin);
  const int text_end = caption.empty() ? 0 : margin + capital + leading * static_cast<int>(lines.size() - 1);
  const int head = words.empty() ? text_end + margin : text_end + std::max(margin - line, gap);
  // Maps beneath have a line for what they are called only where one is called something.
  std::vector<int> line_of{words.empty() ? 0 : line};
  int row_height = line_of[0] + box.height;
  for (const auto& row : beneath) {
    const bool named = std::any_of(row.maps.begin(), row.maps.end(), [](const auto& map) { return !map.word.empty(); });
    line_of.push_back(named ? line : gap);
    row_height += line_of.back() + box.height;
  }
  const int between = beneath.empty() ? gap : 3 * gap;  // rows of words
  const int tiles_end = head + rows * (row_height + between) - between;
  const double full = full_weight(words, geometry, options);
  const Legend legend(options, full, std::max(caption_size * 4 / 5, 6), width - 2 * margin);
  const int foot = margin + (legend.height() > 0 ? legend.height() + gap : 0);
  cv::Mat page(tiles_end + foot, width, CV_8UC3, paper);
  if (!caption.empty())
    for (size_t i = 0; i < lines.size(); ++i)
      draw_text(page, {margin, margin + capital + leading * static_cast<int>(i)}, lines[i], caption_size, ink);

  for (int i = 0; i < count; ++i) {
    cv::Point at(margin + i % columns * (box.width + gap), head + i / columns * (row_height + between));
    // `tell`: say the map's peak where the legend doesn't.
    const auto draw_tile = [&](const WordMap& word, int line_height, double most_weight, bool tell) {
      double peak = 0;
      const cv::Mat lit = draw_map(small, geometry, word, options, most_weight, &peak);
      draw_label(page(cv::Rect(at, cv::Size(box.width, line_height))), word.word, label, tell ? percent(peak) : "");
      lit.copyTo(page(cv::Rect({at.x, at.y + line_height}, lit.size())));
    };
    const auto word = static_cast<size_t>(i - 1);
    if (i == 0)
      small.copyTo(page(cv::Rect({at.x, at.y + line_of[0]}, small.size())));
    else
      draw_tile(words[word], line_of[0], full, options.has_scale() && !(full > 0));
    at.y += line_of[0] + box.height;
    for (size_t r = 0; r < beneath.size(); ++r) {
      const auto& row = beneath[r];
      if (i == 0)
        draw_title(page(cv::Rect({at.x, at.y + line_of[r + 1]}, box)), row.title, label);
      else
        draw_tile(row.maps[word], line_of[r + 1], full_weight(row.maps, geometry, options), false);
      at.y += line_of[r + 1] + box.height;
    }
  }
  legend.draw(page, {margin, tiles_end + gap});
  return page;
}

void write_picture(const std::filesystem::path& path, const cv::Mat& picture) {
  std::string extension = path.extension().string();
  for (auto& letter : extension) letter = static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
  if (extension != ".png" && extension != ".jpg" && extension != ".jpeg" && extension != ".webp")
    throw UsageError(path.string() + ": pictures are written as .png, .jpg, .jpeg or .webp");
  std::vector<unsigned char> bytes;
  try {
    bytes = extension == ".png"    ? encode_png(picture)
            : extension == ".webp" ? encode_webp(picture, 90)
                                   : encode_jpeg(picture, 92);
  } catch (const Error& fault) {
    throw Error(path.string() + ": " + fault.what() + "; name another format");
  }
  AtomicFile file(path);
  file.write(marked({bytes.begin(), bytes.end()}));
  file.commit();
}

}  // namespace attend
