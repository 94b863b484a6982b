// Caption files → Dataset: COCO captions JSON and Karpathy's dataset_*.json, checked while they are read.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/options.h"

namespace attend {

/// A picture and what people said of it.
struct Example {
  int64_t id;                         // unique within its captions file, never negative
  std::filesystem::path picture;      // images folder / file name
  std::string split;                  // "train", "val", "test" or a name the caller asked for
  std::vector<std::string> captions;  // as published, one line each, trimmed; empty if the file holds none at all
};

/// Pictures in the order of their file.
struct Dataset {
  std::vector<Example> examples;
  std::string source;  // the files, for messages

  /// Indices of the examples of a split. Throws InputError that lists the splits there are when it has none.
  std::vector<size_t> split(const std::string& name) const;
};

/// Where the training data lie.
struct DataOptions {
  std::filesystem::path train_captions;  // COCO captions JSON (a split or several), or Karpathy's dataset_*.json
  std::filesystem::path val_captions;    // empty: the same file
  std::filesystem::path images;          // folder that file names start from
  std::filesystem::path val_images;      // empty: the same folder
  std::string train_split = "train", val_split = "val";
  double max_faulty = 0.01;  // share of pictures, and of captions, that may be left out as faulty

  void list(OptionList& options);
};

/// Reads one captions file; what it holds says which kind it is.
///
///   COCO       {"images": [{"id", "file_name"}], "annotations": [{"image_id", "caption"}]}; no annotations at all is
///              fine (pictures to caption). Splits come from a "split" key a picture, or from
///              "splits": {"train": [id or file name, …], …}, or all pictures are of `whole_split`.
///   Karpathy   {"images": [{"filename", "filepath", "split", "imgid" or "cocoid", "sentences": [{"raw"}]}]};
///              "restval" counts as "train", as it does by convention (Karpathy and Li 2015 trained on both).
///
/// Faulty entries (a picture file that is missing, a name that leaves the images folder, an id or file name used twice,
/// no known split, no captions in a file that has some; a caption without a word or for an unknown picture; wrong types
/// and ids that are no whole numbers from 0 to 2^63-1) are left out with one warning that counts and names them.
/// Throws InputError when more than `max_faulty` of the pictures or of the captions are, and on a file that is no JSON,
/// is cut short (with line and column), or holds no pictures. An empty `images` folder means that pictures aren't looked for. Memory: the result and the pictures' names beside it.
Dataset read_captions(const std::filesystem::path& file, const std::filesystem::path& images,
                      const std::string& whole_split, double max_faulty);

/// Reads the training and the validation pictures that the options name. From two files only the split each is there
/// for is taken, and a picture of both is a fault of the second; from one file all of its splits are.
Dataset read_dataset(const DataOptions& options);

}  // namespace attend
