// Data sets of pictures with captions, in the forms that people have them, checked while they are read → Dataset.
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
  PictureId id;                        // unique within its captions file
  std::filesystem::path picture;       // images folder / file name
  std::string split;                   // "train", "val", "test" or a name the caller asked for
  std::vector<std::string> captions;   // as published, one line each, trimmed; empty if the file holds none at all
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
  std::filesystem::path train_captions;  // a file or folder of any form: a split or several
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
  std::map<std::string, double> caption_weights;  // an annotation's "source" → weight of its words in the loss
  std::filesystem::path sentences;                // text, may be gzipped: a caption a line, of no picture
  double max_faulty = 0.01;                       // share of pictures, and of captions, that may be left out as faulty
  double val_share = 0;                           // of pictures that are validated on where nothing else says which

  void list(OptionList& options);
  /// The sources by name: those listed, or the one that the files name. Throws UsageError where both are given or
  /// neither, or where two have one name.
  std::vector<DataSource> all_sources() const;
};

/// The split of all pictures of data that name none, for who asks for no split.
inline const std::string kAllPictures = "all";

/// Reads one data set; what the file or folder holds says which form it has, and where `images` is empty, folders and
/// archives have their pictures in them (docs/formats.md):
///
///   COCO         {"images": [{"id", "file_name"}], "annotations": [{"image_id", "caption"}]}; no annotations at all is
///                fine (pictures to caption). Splits come from a "split" key a picture, or from
///                "splits": {"train": [id or file name, …], …}, or all pictures are of `whole_split`. Ids may be any
///                that PictureId takes; annotations may name the picture's file instead, without its ending too.
///   Karpathy     {"images": [{"filename", "filepath", "split", "imgid" or "cocoid", "sentences": [{"raw"}]}]};
///                "restval" counts as "train", as it does by convention (Karpathy and Li 2015 trained on both).
///   JSON lines   {"file_name", "caption" or "captions" or "text", "split", "id"} a line; names as people give them
///   table        CSV, TSV, | or ; with such columns (Kaggle's captions.txt, Flickr30k's results.csv); a row a caption
///   Flickr8k     Flickr8k.token.txt: "NAME#0", a tab, the caption; splits from the lists beside it
///   imagefolder  a folder with metadata.jsonl or metadata.csv (Hugging Face), or one in each split's folder
///   sidecars     a folder of pictures with .txt or .caption beside them, a caption a line
///   WebDataset   a .tar or .tar.gz, a folder of them, or a pattern ("train-{000..010}.tar"): key.jpg, key.txt, key.json
///
/// Faulty entries (a picture file that is missing, a name that leaves the images folder, an id or file name used twice,
/// no known split, no captions in a file that has some; a caption without a word or for an unknown picture; wrong
/// types) are left out with one warning that counts and names them. Marks at a caption's ends ("<start> a dog <end>")
/// are taken off, with a warning; see text/raw_caption.h. Throws InputError when more than `max_faulty` of the pictures
/// or of the captions are, and on a file that is none of these, is cut short (with line, and column in JSON), or holds
/// no pictures. An empty `images` folder means that pictures aren't looked for, but where a folder beside a table,
/// lines or Flickr8k's file is the one (Images, Flicker8k_Dataset, …). Memory: the result and the pictures' names
/// beside it.
///
/// Where the data name no splits, all pictures are of `whole_split`; unless that is kAllPictures, a note says so.
Dataset read_captions(const std::filesystem::path& file, const std::filesystem::path& images,
                      const std::string& whole_split, double max_faulty);

/// What is wrong with a data set: a kind → its entries, each with its place.
using Findings = std::map<std::string, std::vector<std::string>>;

/// A data set with all its splits, and where it was found.
struct WholeDataset {
  Dataset dataset;
  std::string form;              // "JSON", "JSON lines", "table", …
  std::filesystem::path images;  // the folder that its pictures' names start from; empty where nobody looked for them
  int64_t pictures = 0, captions = 0;  // that it names, faulty ones too
};

/// The same with pictures of every split, whatever it is called; those of none keep "". With `findings`, faults go
/// there in place of a warning, any number of them; pictures without captions are kept.
WholeDataset read_everything(const std::filesystem::path& data, const std::filesystem::path& images, double max_faulty,
                             Findings* findings = nullptr);

/// Whether a picture is among the share that is validated on: by the hash of its file's name, so that it stays so
/// whatever lies beside it, and wherever.
bool is_in_val_share(const std::filesystem::path& picture, double share);

/// Reads the training and the validation pictures that the options name. From two files only the split each is there
/// for is taken, and a picture of both is a fault of the second; from one file all of its splits are. A picture of one
/// source is a fault of the next. Of several sources each must have training pictures, and their splits go by
/// `train_split` and `val_split` of the options.
Dataset read_dataset(const DataOptions& options);

}  // namespace attend
