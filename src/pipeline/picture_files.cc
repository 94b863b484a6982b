#include "pipeline/picture_files.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdio>
#include <opencv2/imgproc.hpp>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/files.h"
#include "decode/rank_correlation.h"
#include "pipeline/caption_record.h"
#include "pipeline/xmp.h"
#include "viz/npy.h"

namespace attend {
namespace {

namespace fs = std::filesystem;

/// Longer side of a word's picture, at most: a word's file of a 30-megapixel photograph would take a second.
constexpr int kLongestWordPicture = 2048;

/// Behind the maps of a caption's words those of its phrases, under their names where they are to be named.
void add_phrases(const SeenCaption& caption, std::vector<WordMap>& maps, bool named) {
  std::vector<cv::Mat> words;
  for (const auto& word : maps) words.push_back(word.attention);
  for (const auto& phrase : caption.phrases)
    if (!phrase.words.empty()) maps.push_back({named ? phrase.text : "", mean_map(words, phrase.words)});
}

/// What the words depend on, to stand beneath where they looked.
std::vector<MapRow> explanation_rows(const SeenCaption& caption) {
  if (!caption.explained()) return {};
  const auto figure = [](double correlation) {
    char text[32];
    std::snprintf(text, sizeof text, "%.2f", correlation);
    return std::isnan(correlation) ? std::string("–") : std::string(text);
  };
  const auto& correlations = caption.rank_correlation;
  MapRow cells{"The annotations that move the word's probability. ρ: rank correlation with attention, " +
                   figure(mean_rank_correlation(correlations)) + " over all words",
               {}},
      pixels{"The pixels that move it", {}};
  for (auto& map : gradient_maps(caption))
    cells.maps.push_back({"ρ " + figure(correlations[cells.maps.size()]), std::move(map)});
  for (auto& map : pixel_maps(caption)) pixels.maps.push_back({"", std::move(map)});
  add_phrases(caption, cells.maps, false);
  add_phrases(caption, pixels.maps, false);
  return {std::move(cells), std::move(pixels)};
}

/// "03-dog": the place and the word, without what file names are better without.
std::string word_file(size_t place, const std::string& word) {
  char number[32];
  std::snprintf(number, sizeof number, "%02zu-", place + 1);
  std::string name = number;
  for (const char c : word.substr(0, 64))
    name.push_back(std::isalnum(static_cast<unsigned char>(c)) || (c & 0x80) || c == '-' ? c : '_');
  return name;
}

/// A folder with a picture a word; it appears when all are in it, in place of one that was there before.
void write_words(const fs::path& path, const cv::Mat& picture, const Geometry& geometry,
                 const std::vector<WordMap>& words, const FileChoice& choice) {
  AtomicFolder folder(path);
  const double full = full_weight(words, geometry, choice.style);
  for (size_t t = 0; t < words.size(); ++t)
    write_picture(folder.path() / (word_file(t, words[t].word) + "." + choice.overlay_format),
                  draw_word(picture, geometry, words[t], choice.style, full));
  folder.commit();
}

/// Throws Error where what is there can't be read.
void write_sidecar(const fs::path& path, const std::string& caption, IfExists if_exists) {
  std::error_code error;
  const bool adds = if_exists == IfExists::append || if_exists == IfExists::prepend;
  std::string before = adds && fs::exists(path, error) ? read_regular_file(path) : "";
  if (!before.empty() && before.back() != '\n') before += '\n';
  const std::string line = caption + "\n";
  if (before.starts_with(line) || before.find("\n" + line) != before.npos) return;
  write_file_atomically(path, if_exists == IfExists::prepend ? line + before : before + line);
}

/// Throws Error where a file is there that other programs wrote to: ratings and places may stand in it.
void write_xmp(const fs::path& path, const std::string& caption) {
  std::error_code error;
  if (fs::exists(path, error) && !is_own_xmp(read_regular_file(path)))
    throw Error(path.string() + ": has other programs' metadata; not replaced");
  write_file_atomically(path, xmp_packet(caption));
}

void write_overlays(const PictureFiles& files, const PictureSource& source, const SeenPicture& picture,
                    const FileChoice& choice) {
  auto words = word_maps(picture.best());
  const auto geometry = picture.geometry();
  // Read again: keeping the pictures of a batch could take gigabytes.
  const int small = std::max(choice.style.tile, files.animation.empty() ? 0 : choice.animation.size);
  auto [pixels, full] = source.read(files.words.empty() ? small : kLongestWordPicture);
  if (full != picture.size)
    throw InputError(picture.name + ": was changed while it was captioned; nothing is drawn on it");
  if (!files.animation.empty())
    write_animation(files.animation, animate(pixels, geometry, words, choice.style, choice.animation));
  if (!files.page.empty()) write_picture(files.page, draw_caption(pixels, picture, choice.style));
  if (files.words.empty()) return;
  add_phrases(picture.best(), words, true);
  if (const double scale = double(kLongestWordPicture) / std::max(pixels.cols, pixels.rows); scale < 1)
    cv::resize(pixels, pixels, {std::max(1, int(pixels.cols * scale)), std::max(1, int(pixels.rows * scale))}, 0, 0,
               cv::INTER_AREA);
  write_words(files.words, pixels, geometry, words, choice);
}

}  // namespace

std::vector<WordMap> word_maps(const SeenCaption& caption) {
  auto maps = maps_of(caption.attention);
  const int columns = caption.attention.grid.columns;
  std::vector<WordMap> words;
  for (size_t t = 0; t < maps.size(); ++t) {
    words.push_back({caption.words[t], std::move(maps[t])});
    const auto cell = static_cast<int>(caption.locations[t]);
    if (cell >= 0) words.back().cell = cv::Point(cell % columns, cell / columns);
  }
  return words;
}

cv::Mat draw_caption(const cv::Mat& pixels, const SeenPicture& picture, const OverlayOptions& style) {
  const SeenCaption& caption = picture.best();
  auto maps = word_maps(caption);
  add_phrases(caption, maps, true);
  return draw_page(pixels, picture.geometry(), maps, caption.text, style, explanation_rows(caption));
}

void write_files(const PictureFiles& files, const PictureSource& source, const SeenPicture& picture,
                 const FileChoice& choice) {
  const SeenCaption& caption = picture.best();
  if (!files.page.empty() || !files.words.empty() || !files.animation.empty())
    write_overlays(files, source, picture, choice);
  if (!files.maps.empty()) {
    if (choice.maps_format == "json")
      write_file_atomically(files.maps, one_line(caption_record(picture)) + "\n");
    else
      write_npy(files.maps, maps_of(caption.attention));
  }
  if (!files.gradient.empty()) write_npy(files.gradient, maps_of(caption.gradient));
  if (!files.pixels.empty()) write_npy(files.pixels, maps_of(caption.pixels));
  if (!files.xmp.empty()) write_xmp(files.xmp, caption.text);
  if (!files.sidecar.empty()) write_sidecar(files.sidecar, caption.text, choice.if_exists);
}

}  // namespace attend
