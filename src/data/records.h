// Records of pictures under names that people give to fields: of JSON lines, tables, and metadata beside pictures.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "data/collector.h"

namespace attend {

/// A picture, or one caption of it, as a line says it.
struct Record {
  std::optional<PictureId> id;
  std::string name;   // of its file; empty where none is said
  std::string split;  // "" where none is said
  std::vector<std::string> captions;
  std::string origin;  // "source"
};

/// Whether captions stand under this name: "caption", "text", "comment", …, "caption_1", "caption2", …; in lower case.
bool is_caption_column(const std::string& column);

/// Whether an object names a picture's file, rather than an id alone.
bool names_file(const Json& entry);

/// An object's fields. Throws Malformed.
Record record_of(const Json& entry);

/// The fields of a table's rows.
class Columns {
 public:
  /// By the table's first row; nothing where it names no pictures.
  static std::optional<Columns> of(const std::vector<std::string>& header);
  /// Throws Malformed for a row of too few fields. Fields too many belong to the caption where that is the last column:
  /// it wasn't put in quotes.
  Record record(std::vector<std::string> fields, char delimiter) const;

 private:
  size_t count_ = 0;
  std::optional<size_t> name_, id_, split_, origin_;
  std::vector<size_t> captions_;
};

/// Hands records on: several of one picture are its captions, one after another.
class RecordTaker {
 public:
  explicit RecordTaker(Collector& collector) : collector_(collector) {}
  /// `prefix`: the folder that names start from, below the collector's; `split`: of records that don't say theirs.
  void take(const Record& record, const std::string& place, const std::filesystem::path& prefix = {},
            const std::string& split = "");

 private:
  Collector& collector_;
  std::unordered_map<std::string, int64_t> pictures_;  // by name
};

/// The delimiter of a table whose first line names a column of pictures; nothing where it isn't one.
std::optional<char> delimiter_of(std::string_view first_line);

/// Hands the records of a file on: JSON lines where it begins with {, else a table.
void read_records(const std::filesystem::path& file, Collector& collector, RecordTaker& taker,
                  const std::filesystem::path& prefix, const std::string& split);

}  // namespace attend
