// What several runs of attend caption wrote, each for a part of the pictures (pipeline/shard.h), as one run would have written it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"

namespace attend {

/// How captions are written; an index is that of captioned_index.h.
enum class CaptionForm { kNothing, kIndex, kJsonLines, kCsv, kText };

/// The lines of a picture in one file.
struct CaptionEntry {
  std::filesystem::path picture;
  std::string_view lines;
  size_t file;  // index of CaptionParts::files()
};

struct JoinPlan {
  uint64_t shards = 0;  // parts of the pictures; 0: found out from their paths
  bool latest = false;  // of several entries of one picture that which stands last is taken; else they are a fault
  // that were captioned, in the order that is wanted; nothing: those that are there, names part by part, bytewise
  std::optional<std::vector<std::filesystem::path>> pictures = {};
};

/// What keeps files from being what one run would have written.
struct JoinFaults {
  struct Twice {
    std::filesystem::path picture;
    size_t file, last;  // where an entry of it is, and the last one
  };

  bool mixed = false;   // a file has pictures of more than one part; or two files of one, where JoinPlan::shards is 0
  uint64_t shards = 0;  // parts of the pictures, where they aren't mixed
  std::vector<uint64_t> missing;  // parts, from 1, that no file has, where more are missing than files are empty
  std::vector<Twice> twice;       // in the order of the files
  std::vector<std::filesystem::path> without_entry;  // of JoinPlan::pictures
  std::vector<std::filesystem::path> unknown;        // entries' that aren't among JoinPlan::pictures

  bool any() const { return mixed || !missing.empty() || !twice.empty() || !without_entry.empty() || !unknown.empty(); }
};

struct JoinedCaptions {
  std::vector<CaptionEntry> entries;  // in order
  JoinFaults faults;
};

/// Files of captions, which stay in the memory map as long as this lives.
class CaptionParts {
 public:
  /// Reads the files, all of one form, some of which may be empty. Throws InputError, which names the file and the line, where one
  /// can't be read, is of another form or has other columns than the first, was cut short or has a line that names no picture.
  explicit CaptionParts(const std::vector<std::string>& files);

  const std::vector<std::string>& files() const { return names_; }
  /// Of those that aren't empty.
  CaptionForm form() const { return form_; }
  /// Whether a file has nothing in it: its part had no pictures, or its run failed.
  bool is_empty(size_t file) const { return parts_[file].form == CaptionForm::kNothing; }

  /// The entries of all files in order, and what is wrong with them. Not for indexes.
  JoinedCaptions join(const JoinPlan& plan) const;
  /// Hands `take` what a run would have written that has these entries; of indexes one that knows all of their pictures.
  void write(const std::vector<CaptionEntry>& entries, const std::function<void(std::string_view)>& take) const;

 private:
  struct Part {
    MappedFile file;
    std::string_view text;
    CaptionForm form;
    std::string_view header = {};  // of a table

    explicit Part(const std::string& path);
  };
  class Reader;

  std::vector<std::string> names_;
  std::vector<Part> parts_;
  CaptionForm form_ = CaptionForm::kNothing;
  std::vector<CaptionEntry> entries_;  // in the order of the files
};

}  // namespace attend
