// The forms that data sets come in, told by what they hold, and a reader for each.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "data/collector.h"
#include "data/records.h"

namespace attend {

enum class Form { kJson, kJsonList, kJsonLines, kTable, kTokens, kImageFolder, kSidecars, kWebDataset };

/// A data set as it lies: its form, and the file or folder that is read.
struct FormFile {
  Form form;
  std::filesystem::path file;
};

/// What lies at `path`: a file by its first lines, a folder by the files in it. What isn't known is taken for JSON,
/// whose reader says what it lacks. Throws InputError for a folder or a table without pictures.
FormFile form_of(const std::filesystem::path& path);

/// What people call it.
const char* name_of(Form form);

/// Reads what the collector was made for.
void read_form(Form form, Collector& collector);

// One reader a form. Places in faults are "images[3]", "line 12" or a file's name.
void read_json_captions(Collector& collector);  // COCO's and Karpathy's
void read_json_list(Collector& collector);      // [{"image": NAME, "caption": TEXT}, …]
void read_json_lines(Collector& collector);     // an object a line
void read_table(Collector& collector);          // CSV, TSV, | or ;, with a line of column names
void read_tokens(Collector& collector);         // "NAME#0<tab>CAPTION" (Flickr8k.token.txt), split lists beside it
void read_image_folder(Collector& collector);   // Hugging Face's: metadata.jsonl or metadata.csv
void read_sidecars(Collector& collector);       // pictures with .txt or .caption beside them
void read_web_dataset(Collector& collector);    // a tar, or a folder of them

/// What belongs together in a WebDataset.
struct WebSample {
  std::filesystem::path tar;
  std::string key;      // what its files' names have in common
  std::string picture;  // the name of its picture in the archive; empty: it has none
  Record record;        // its captions: those beside it where its .json has none
  std::string fault;    // why it can't be read, or ""

  std::string place() const;  // for messages
};
using TakeSample = std::function<void(WebSample sample)>;

/// Hands the samples of an archive, or of those in a folder, on one after another. Memory: the names in an archive.
void read_web_samples(const std::filesystem::path& source, const TakeSample& take);

}  // namespace attend
