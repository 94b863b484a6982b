// Object masks beside captions, and whether attention points at what the words name.
#pragma once

#include <cstdint>
#include <filesystem>
#include <opencv2/core.hpp>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/files.h"

namespace attend {

/// A thing in a picture that words of its caption name.
struct MaskedObject {
  cv::Mat mask;            // CV_8UC1 [h, w]: 255 on the object, 0 elsewhere
  std::vector<int> words;  // their places in the caption, from 0: "a red circle" → {1, 2}
};

/// COCO's uncompressed run lengths of a mask: {"size": [h, w], "counts": [off, on, off, …]}, column by column.
Json encode_mask(const cv::Mat& mask);

/// Picture id → its objects, from the captions file that `attend shapes` writes: COCO captions JSON whose annotations
/// carry "objects": [{"words": [1, 2], "segmentation": {"size", "counts"}}, …]. Throws InputError that names file and
/// annotation when one has no objects, or runs that don't fill their size.
std::unordered_map<int64_t, std::vector<MaskedObject>> read_masks(const std::filesystem::path& captions);

/// How many of the words that name objects were pointed at rightly.
struct Pointing {
  int64_t words = 0, inside = 0;
  double share() const { return words > 0 ? static_cast<double>(inside) / static_cast<double>(words) : 0; }
};

/// Adds one picture to the count. peaks[t]: where the attention of the caption's word t is highest, in continuous
/// pixels of the picture (pixel (x, y) covers [x, x + 1) x [y, y + 1)), normally the centre of the largest cell. The
/// words of each object count as inside when their peak falls on its mask; a word without a peak doesn't. The caption
/// must be the one that the objects' words count in.
void add_pointing(const std::vector<MaskedObject>& objects, std::span<const cv::Point2d> peaks, Pointing& pointing);

}  // namespace attend
