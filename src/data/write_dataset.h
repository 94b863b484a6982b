// Data sets in the forms that other programs read.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "data/dataset.h"

namespace attend {

/// The forms that are written, by the names of `attend convert --to`.
enum class OutForm { kCoco, kKarpathy, kJsonLines, kCsv, kTsv, kImageFolder, kWebDataset, kFlickr8k, kSidecars };
inline const std::vector<std::string> kOutForms{"coco",        "karpathy",   "jsonl",    "csv",     "tsv",
                                                "imagefolder", "webdataset", "flickr8k", "sidecars"};

/// Whether the result holds copies of the pictures; other forms name them where they lie.
constexpr bool holds_pictures(OutForm form) { return form >= OutForm::kImageFolder; }

struct WriteOptions {
  OutForm form = OutForm::kCoco;
  std::filesystem::path images;   // that the pictures' names start from
  int64_t shard_pictures = 5000;  // in an archive of a WebDataset
  bool overwrite = false;         // a file that is there; a folder never is
};

/// Writes a data set to `out`: a file, or a folder for the forms that hold pictures, for webdataset an archive where
/// `out` ends with .tar. It appears when it is whole. Captions files name the pictures below `images`; folders and archives hold copies
/// of them, byte for byte, in a folder or in archives of their own for each split. Ids that are whole numbers are kept;
/// COCO's and Karpathy's, which have no others, are numbered anew where some are texts. Reading the result gives the
/// same captions of the same pictures in the same splits. What a form can't hold of ids and sources of captions is said,
/// as are pictures that get other names, and a split that Karpathy's form makes up. Throws InputError for a picture that
/// can't be read and for a split or a name that the form can't hold, Error where `out` is there or can't be written, and
/// Interrupted.
void write_dataset(const Dataset& dataset, const std::filesystem::path& out, const WriteOptions& options);

}  // namespace attend
