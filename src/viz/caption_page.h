// A page of pictures with their captions: hover a word and see where it looked.
//
// T words · L = rows·cols cells of the grid
#pragma once

#include <cstdint>
#include <filesystem>
#include <opencv2/core.hpp>
#include <optional>
#include <string>
#include <vector>

#include "viz/html.h"
#include "viz/map_check.h"

namespace attend {

/// Maps of one kind over the words of a caption, as the page holds them: each scaled to its own peak.
struct PageMaps {
  std::string name;                           // "attention", "gradient" or "pixels"
  cv::Size grid;                              // cells across and down
  std::vector<double> peaks;                  // [T] the largest weight of each map
  std::string weights;                        // [T, L] bytes, round(255 · weight / peak)
  std::vector<double> rank_correlation = {};  // [T] with attention, NaN where there is none; or empty
};

/// maps: one a word, f32, all of one size, not negative.
PageMaps page_maps(std::string name, const std::vector<cv::Mat>& maps);

/// Words that are shown together, by the mean of their maps.
struct PagePhrase {
  std::string text;
  std::vector<size_t> words;  // places, at least one
};

struct PageCaption {
  std::string text;
  std::vector<std::string> words;            // [T]; none where only the text is known
  std::vector<double> word_log_probability;  // [T]
  std::optional<double> log_probability;     // of the whole caption
  std::vector<PageMaps> maps;                // of attention first; the reader chooses among them
  MapFaults faults;
  std::optional<double> confidence = {};  // probability that it is among the better half
  std::optional<bool> familiar = {};      // whether the picture is like those of training
  std::vector<PagePhrase> phrases = {};
  std::vector<std::string> left_out = {};  // words of the text that aren't among `words`
  std::string by = {};                     // who says so, where the captions are of several
};

/// Longer side of a thumbnail, pixels; up to three times that where the shorter would be less than a sixth of it.
constexpr int kThumbnailSide = 320;

/// A small JPEG of a picture.
struct Thumbnail {
  std::string jpeg;
  cv::Size size;
};

/// `picture` (u8 BGR) as small as kThumbnailSide says; never enlarged.
Thumbnail make_thumbnail(const cv::Mat& picture);

struct PagePicture {
  std::string name;                   // as shown; any bytes
  Thumbnail thumbnail;                // empty where there is none
  cv::Rect2d area{0, 0, 1, 1};        // what the grid lies over, in shares of the picture's width and height
  std::vector<PageCaption> captions;  // best first, at least one
  std::vector<std::string> references;
  std::vector<double> figures;  // one a PageFigure of an evaluation
};

/// A figure every picture of an evaluation has.
struct PageFigure {
  std::string name;  // "CIDEr-D"
  int digits = 3;    // shown after the point
};

/// One picture as an <article>; the captions' words and maps stand in it as JSON:
///   {"area": [x, y, w, h], "captions": [{"text", "confidence", "familiar", "log_probability", "words", "log_probabilities",
///     "by", "left_out": [words], "phrases": [{"text", "words": [places]}], "maps": [{"name", "grid": [rows, cols], "peaks": [T], "weights": base64 of [T, L] bytes,
///       "rank_correlation": [T]}]}]}
/// number: its place on the page, from 1. figures: the names of picture.figures.
std::string picture_article(const PagePicture& picture, size_t number, const std::vector<PageFigure>& figures);

/// The colours of the heat map (viridis) for the page's script.
std::string colours_element();

/// What a page without all pictures says of it, after them; the script brings it to the top. "" for "".
std::string stopped_element(const std::string& stopped);

/// A page that grows picture by picture, in memory for one.
class CaptionPage {
 public:
  /// source: what made the captions, for the page's head; figures: the names of every picture's. Throws Error when the file can't
  /// be written.
  CaptionPage(const std::filesystem::path& path, const std::string& source, std::vector<PageFigure> figures = {});
  void add(const PagePicture& picture);
  /// Two that belong together, one beside the other where there is room.
  void add_pair(const PagePicture& left, const PagePicture& right);
  /// stopped: what the page says where it hasn't all pictures, or "".
  void finish(const std::string& stopped = "");

 private:
  HtmlFile file_;
  const std::vector<PageFigure> figures_;
  size_t count_ = 0;
};

}  // namespace attend
