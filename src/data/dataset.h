// Caption files → Dataset: COCO captions JSON and Karpathy's dataset_*.json, checked while they are read.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/options.h"
#include "data/picture_id.h"

namespace attend {

/// A picture and what people said of it.
struct Example {
  PictureId id;                       // unique within its captions file
  std::filesystem::path picture;      // images folder / file name
  std::string split;                  // "train", "val", "test" or a name the caller asked for
  std::vector<std::string> captions;  // as published, one line each, trimmed; empty if the file holds none at all
  std::vector<uint32_t> origins = {};  // of each caption, index of Dataset::origins
  size_t source = 0;                   // index of Dataset::sources
};

/// Pictures in the order of their files.
struct Dataset {
  std::vector<Example> examples;
  std::string source;                       // the files, for messages
  std::vector<std::string> sources = {""};  // names; one without a name where data.sources isn't used
  std::vector<std::string> origins = {""};  // what annotations say in "source" (human, rebuilt, …); the first: nothing

  /// Indices of the examples of a split. Throws InputError that lists the splits there are when it has none.
  std::vector<size_t> split(const std::string& name) const;
  /// Of file names, splits and captions, in their order: another data set has, in all likelihood, another.
  uint64_t hash() const;
};

/// The files of a source of training data.
struct CaptionFiles {
  std::filesystem::path train_captions;  // COCO captions JSON (a split or several), or Karpathy's dataset_*.json
  std::filesystem::path val_captions;    // empty: the same file
  std::filesystem::path images;          // folder that file names start from
  std::filesystem::path val_images;      // empty: the same folder
  std::string train_split = "train", val_split = "val";

  void list(OptionList& options);
};

/// One of several sources that are learnt from together.
struct DataSource : CaptionFiles {
  std::string name;   // empty: the folder of its captions
  double share = 1;   // of its training pictures that an epoch shows, others in every epoch
  double weight = 1;  // of its captions' words in the loss

  void list(OptionList& options);
};

/// Where the training data lie: the one source that the files name, or `sources`.
struct DataOptions : CaptionFiles {
  std::vector<DataSource> sources;
  std::map<std::string, double> caption_weights;  // what annotations say in "source" → weight of their words in the loss
  std::filesystem::path sentences;  // text, may be gzipped: a caption a line, of no picture
  double max_faulty = 0.01;         // share of pictures, and of captions, that may be left out as faulty

  void list(OptionList& options);
  /// The sources by name: those listed, or the one that the files name. Throws UsageError where both are given or neither,
  /// or where two have one name.
  std::vector<DataSource> all_sources() const;
};

/// Reads one captions file; what it holds says which kind it is.
///
///   COCO       {"images": [{"id", "file_name"}], "annotations": [{"image_id", "caption"}]}; no annotations at all is
///              fine (pictures to caption). Splits come from a "split" key a picture, or from
///              "splits": {"train": [id or file name, …], …}, or all pictures are of `whole_split`. Ids may be any that
///              PictureId takes; annotations may name the picture's file instead, without its ending too.
///   Karpathy   {"images": [{"filename", "filepath", "split", "imgid" or "cocoid", "sentences": [{"raw"}]}]};
///              "restval" counts as "train", as it does by convention (Karpathy and Li 2015 trained on both).
///
/// Faulty entries (a picture file that is missing, a name that leaves the images folder, an id or file name used twice,
/// no known split, no captions in a file that has some; a caption without a word or for an unknown picture; wrong types)
/// are left out with one warning that counts and names them. Marks at a caption's ends ("<start> a dog <end>") are taken
/// off, with a warning; see text/raw_caption.h.
/// Throws InputError when more than `max_faulty` of the pictures or of the captions are, and on a file that is no JSON,
/// is cut short (with line and column), or holds no pictures. An empty `images` folder means that pictures aren't looked for. Memory: the result and the pictures' names beside it.
Dataset read_captions(const std::filesystem::path& file, const std::filesystem::path& images,
                      const std::string& whole_split, double max_faulty);

/// Reads the training and the validation pictures that the options name. From two files only the split each is there
/// for is taken, and a picture of both is a fault of the second; from one file all of its splits are. A picture of one
/// source is a fault of the next. Of several sources each must have training pictures, and their splits go by
/// `train_split` and `val_split` of the options.
Dataset read_dataset(const DataOptions& options);

}  // namespace attend
