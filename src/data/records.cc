#include "data/records.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "base/error.h"
#include "base/files.h"
#include "base/printable.h"
#include "data/caption_list.h"
#include "data/table.h"

namespace attend {
namespace {

constexpr std::array<std::string_view, 13> kNames{
    "file_name",       "filename", "image_name", "image_path", "image_file", "image",   "path",
    "image_file_path", "filepath", "file",       "picture",    "img",        "img_path"};
constexpr std::array<std::string_view, 9> kCaptions{"caption",   "captions",    "text", "comment",     "sentence",
                                                    "sentences", "description", "raw",  "caption_text"};
constexpr std::array<std::string_view, 5> kIds{"id", "image_id", "imgid", "cocoid", "key"};
constexpr std::array<std::string_view, 3> kSplits{"split", "set", "partition"};
constexpr std::string_view kOrigin = "source";

template <size_t n>
bool among(const std::array<std::string_view, n>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::string trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t");
  return first == text.npos ? "" : std::string(text.substr(first, text.find_last_not_of(" \t") - first + 1));
}

std::string column_name(std::string_view text) {
  std::string name = trimmed(text);
  for (char& letter : name) letter = static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
  return name;
}

/// Captions under a key: a text, or a list of texts or of {"raw"}.
void add_captions(const std::string& key, const Json& value, std::vector<std::string>& captions) {
  if (value.is_null()) return;
  if (value.is_string()) return captions.push_back(value.get<std::string>());
  if (!value.is_array()) throw Malformed{key + " is neither a text nor a list of texts"};
  for (const auto& item : value) {
    if (item.is_object()) {
      const auto text = text_of(item, {"raw", "caption", "text"});
      if (!text) throw Malformed{key + " has an entry without a text"};
      captions.push_back(*text);
    } else if (item.is_string()) {
      captions.push_back(item.get<std::string>());
    } else {
      throw Malformed{key + " has an entry that is no text"};
    }
  }
}

}  // namespace

bool is_caption_column(const std::string& column) {
  std::string_view name = column;
  while (!name.empty() && std::isdigit(static_cast<unsigned char>(name.back()))) name.remove_suffix(1);
  if (name.size() < column.size() && (name.ends_with('_') || name.ends_with('-') || name.ends_with(' ')))
    name.remove_suffix(1);
  return among(kCaptions, name);
}

bool names_file(const Json& entry) {
  return std::any_of(kNames.begin(), kNames.end(), [&](auto name) { return entry.contains(std::string(name)); });
}

Record record_of(const Json& entry) {
  if (!entry.is_object()) throw Malformed{"no object"};
  Record record;
  for (const auto name : kNames) {
    const auto found = entry.find(std::string(name));
    if (found == entry.end() || !record.name.empty()) continue;
    if (!found->is_string()) throw Malformed{std::string(name) + " is no string"};
    record.name = found->get<std::string>();
  }
  for (const auto name : kIds)
    if (!record.id && entry.contains(std::string(name))) record.id = id_of(entry, {std::string(name).c_str()});
  if (record.name.empty() && record.id) record.name = record.id->text;
  for (const auto name : kSplits)
    if (record.split.empty()) record.split = text_of(entry, {std::string(name).c_str()}).value_or("");
  for (const auto& [key, value] : entry.items())
    if (is_caption_column(column_name(key))) add_captions(key, value, record.captions);
  if (const auto origin = entry.find(std::string(kOrigin)); origin != entry.end() && origin->is_string())
    record.origin = origin->get<std::string>();
  return record;
}

std::optional<Columns> Columns::of(const std::vector<std::string>& header) {
  Columns columns;
  columns.count_ = header.size();
  std::vector<std::string> names;
  for (const auto& field : header) names.push_back(column_name(field));
  for (size_t i = 0; i < names.size(); ++i) {
    if (among(kNames, names[i]) && !columns.name_)
      columns.name_ = i;
    else if (among(kIds, names[i]) && !columns.id_)
      columns.id_ = i;
    else if (among(kSplits, names[i]) && !columns.split_)
      columns.split_ = i;
    else if (names[i] == kOrigin && !columns.origin_)
      columns.origin_ = i;
    else if (is_caption_column(names[i]))
      columns.captions_.push_back(i);
  }
  if (!columns.name_) columns.name_ = std::exchange(columns.id_, std::nullopt);  // "image_id" may be all there is
  if (!columns.name_) return std::nullopt;
  return columns;
}

Record Columns::record(std::vector<std::string> fields, char delimiter) const {
  if (fields.size() < count_)
    throw Malformed{counted(fields.size(), "field") + " in place of " + std::to_string(count_)};
  if (fields.size() > count_) {
    if (captions_.empty() || captions_.back() != count_ - 1)
      throw Malformed{counted(fields.size(), "field") + " in place of " + std::to_string(count_)};
    for (size_t i = count_; i < fields.size(); ++i) fields[count_ - 1] += delimiter + fields[i];
  }
  Record record;
  record.name = trimmed(fields[*name_]);
  if (id_) {
    const std::string id = trimmed(fields[*id_]);
    if (!id.empty()) record.id = read_picture_id(Json(id));
  }
  if (split_) record.split = trimmed(fields[*split_]);
  if (origin_) record.origin = trimmed(fields[*origin_]);
  for (const size_t column : captions_)
    if (captions_.size() == 1 || !trimmed(fields[column]).empty()) record.captions.push_back(fields[column]);
  return record;
}

void RecordTaker::take(const Record& record, const std::string& place, const std::filesystem::path& prefix,
                       const std::string& split) {
  if (record.name.empty()) {
    collector_.see_picture();
    return collector_.picture_fault("malformed", place + ": no name of a picture's file");
  }
  const auto name = prefix / record.name;
  const auto [known, is_new] = pictures_.emplace(name.string(), Collector::kLeftOut);
  const std::string said = split_name(record.split.empty() ? split : record.split);
  if (is_new) {
    collector_.see_picture();
    PictureId id = record.id.value_or(*read_picture_id(Json(record.name)));
    if (collector_.claim(id)) known->second = collector_.add_picture(std::move(id), name, said);
  } else if (!said.empty()) {
    collector_.set_split(known->second, said);
  }
  for (const auto& caption : record.captions) collector_.add_caption(known->second, caption, record.origin, place);
}

std::optional<char> delimiter_of(std::string_view first_line) {
  std::optional<char> best;
  size_t most = 0;
  for (const char delimiter : {',', '\t', '|', ';'}) {
    std::optional<std::vector<std::string>> fields;
    try {
      fields = TableReader(first_line, delimiter).next();
    } catch (const InputError&) {
    }
    if (!fields || !Columns::of(*fields) || fields->size() <= most) continue;
    best = delimiter, most = fields->size();
  }
  return best;
}

void read_records(const std::filesystem::path& file, Collector& collector, RecordTaker& taker,
                  const std::filesystem::path& prefix, const std::string& split) {
  const MappedFile mapped(file);
  if (mapped.bytes().empty()) throw InputError(file.string() + ": is an empty file");
  std::string_view rest =
      plain_text({reinterpret_cast<const char*>(mapped.bytes().data()), mapped.bytes().size()}, file.string());
  const std::string in = file == collector.source() ? "" : file.lexically_relative(collector.source()).string() + " ";
  const auto first = rest.find_first_not_of(" \t\r\n");
  const bool is_json = first != rest.npos && rest[first] == '{';
  const auto take = [&](size_t line, const auto& make) {
    const std::string place = in + "line " + std::to_string(line);
    try {
      taker.take(make(), place, prefix, split);
    } catch (const Malformed& fault) {
      collector.see_picture();
      collector.picture_fault("malformed", place + ": " + fault.what);
    }
  };
  if (is_json) {
    for (size_t line = 1; !rest.empty(); ++line) {
      const auto text = take_line(rest);
      if (text.find_first_not_of(" \t") == text.npos) continue;
      const Json entry = parse_json(text, file.string() + ":" + std::to_string(line));
      take(line, [&] { return record_of(entry); });
    }
    return;
  }
  std::string_view look = rest;
  const auto delimiter = delimiter_of(take_line(look));
  if (!delimiter)
    throw InputError(file.string() + ":1: no column of pictures (image, file_name, path, …); the first line is \"" +
                     std::string(rest.substr(0, std::min(rest.find('\n'), size_t{100}))) + "\"");
  TableReader rows(rest, *delimiter);
  try {
    const auto columns = Columns::of(*rows.next());
    while (auto fields = rows.next())
      take(rows.line(), [&] { return columns->record(*std::move(fields), *delimiter); });
  } catch (const InputError& fault) {
    throw InputError(file.string() + ":" + std::to_string(rows.line()) + ": " + fault.what());
  }
}

}  // namespace attend
