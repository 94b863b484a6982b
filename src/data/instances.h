// Objects in pictures as COCO's instances JSON has them, and the words that name them.
#pragma once

#include <filesystem>
#include <map>
#include <opencv2/core.hpp>
#include <string>
#include <unordered_map>
#include <vector>

#include "data/masks.h"

namespace attend {

/// A word → the categories that it may name: "puppy" → {"dog"}.
using CategoryWords = std::map<std::string, std::vector<std::string>>;

/// A CSV or TSV table whose first row names its columns, "category" and "word"; a row a word. Throws InputError.
CategoryWords read_category_words(const std::filesystem::path& file);

/// Where each category's objects are in pictures.
class Instances {
 public:
  /// {"images": [{"id", "width", "height"}], "annotations": [{"image_id", "category_id", "bbox": [x, y, w, h],
  /// "segmentation"}], "categories": [{"id", "name"}]}. A segmentation is a list of polygons, run lengths (a list of counts or
  /// COCO's text of them), or missing: then the box counts. Throws InputError that names file and entry.
  explicit Instances(const std::filesystem::path& file);

  /// A category's name, where it is one word, and its plural.
  CategoryWords category_words() const;

  /// The objects that the words of a caption of this picture name: for each word, all objects of its categories together, where
  /// the picture has some. Words that name nothing in the picture have none.
  std::vector<MaskedObject> named_by(int64_t image_id, const std::vector<std::string>& words,
                                     const CategoryWords& names) const;
  bool knows(int64_t image_id) const { return sizes_.count(image_id) > 0; }

 private:
  struct Object {
    std::string category, place;
    Json segmentation;
    cv::Rect2d box;
  };
  std::unordered_map<int64_t, cv::Size> sizes_;
  std::unordered_map<int64_t, std::vector<Object>> objects_;
  std::vector<std::string> categories_;
};

}  // namespace attend
