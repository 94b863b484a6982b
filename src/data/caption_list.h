// Pictures with captions that somebody gave them: whatever file they stand in.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/caption_store.h"
#include "data/picture_id.h"

namespace attend {

/// What a file holds.
struct CaptionList {
  CaptionStore pictures;  // in the file's order; what follows one another of one picture is joined
  size_t captions = 0;    // all of them, and what was refused in place of some
  size_t refused = 0;     // entries and captions that can't be used
};

/// Takes why an entry or a caption can't be used, a line with its place, as soon as that is read.
using TakeRefusal = std::function<void(const std::string& refusal)>;

/// Reads one file; its ending says which kind it is:
///
///   .json           COCO captions JSON, Karpathy's or a list of records, as read_everything() takes them; the same holds for a
///                   folder, a .tar and Flickr8k's token file
///   .jsonl .ndjson  an object a line: the picture's file under "file", "image", "picture", "path", "filename" or
///                   "file_name", one caption under "caption" or "text", or a list of them under "captions". `attend
///                   caption --format jsonl` writes such lines
///   .csv .tsv       a table (RFC 4180) whose first row names its columns, as above; a row a caption
///   .txt            the lines of `attend caption`: picture, tab, caption
///
/// Names of pictures start from `images`, or where that is empty from the working folder. An entry that isn't as it should be, a
/// caption that has no word, no text (a NUL byte, bytes that aren't UTF-8) or nothing in it is refused; the rest is read. Throws
/// InputError for a file that can't be read, of no such kind, without entries, or whose table has no such columns. Memory: that of
/// a CaptionStore, but for data sets, which are read whole first.
CaptionList read_caption_list(const std::filesystem::path& file, const std::filesystem::path& images,
                              const TakeRefusal& refuse);

/// The captions of a results file (data/results.h), of the pictures that `index` knows by number in `pictures`. Captions of others
/// are left out and counted in a note. A picture without a caption is refused. Throws InputError as read_results(), and where no
/// caption is of any of the pictures.
CaptionList read_result_captions(const std::filesystem::path& file, const PictureIndex& index,
                                 const std::vector<std::filesystem::path>& pictures, const TakeRefusal& refuse);

/// The captions in the text file beside each picture, a line a caption: NAME.txt, or NAME.jpg.txt where that is there, as
/// `attend caption --sidecar` writes them. A picture without one, or with nothing in it, is refused.
CaptionList read_sidecars(const std::vector<std::filesystem::path>& pictures, const TakeRefusal& refuse);

/// Why a caption can't be used, or "". What is no word of it is taken off its ends first: marks such as <start>, blanks.
std::string caption_fault(std::string& caption);

/// Rows of a table (RFC 4180): cells between separators, in quotes where they hold one, a line end or a quote, that is doubled.
/// Lines end with LF or CR LF. Empty lines are no rows.
class TableReader {
 public:
  TableReader(std::string_view text, char separator);
  /// The next row, or nothing behind the last. Throws InputError (without a place) for a quote that is never closed, or with
  /// text behind it.
  std::optional<std::vector<std::string>> next();
  /// How many bytes of the text stand behind the last row.
  size_t left() const { return rest_.size(); }
  /// The line that the last row began on, from 1.
  size_t line() const { return line_; }

 private:
  std::string_view rest_;
  const char separator_;
  size_t line_ = 0, next_line_ = 1;
};

}  // namespace attend
