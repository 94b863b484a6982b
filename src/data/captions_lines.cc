#include <array>
#include <unordered_map>

#include "base/console.h"
#include "base/error.h"
#include "base/files.h"
#include "base/printable.h"
#include "data/caption_list.h"
#include "data/forms.h"
#include "data/records.h"
#include "data/results.h"
#include "data/table.h"

namespace attend {
namespace {

namespace fs = std::filesystem;

/// Where no images folder was named: the one beside the file, of those that data sets bring along, that has this
/// picture.
void find_images(Collector& collector, const std::string& picture) {
  if (!collector.images().empty()) return;
  const fs::path folder = collector.source().parent_path();
  for (const auto& place : {folder, folder.parent_path()})
    for (const char* name :
         {"Images", "images", "Flicker8k_Dataset", "Flickr8k_Dataset", "flickr30k_images", "flickr30k-images", ""}) {
      std::error_code error;
      const fs::path base = place / name;
      if (fs::is_regular_file(base / picture, error)) return collector.set_images(base.empty() ? "." : base);
    }
}

/// The name of the first picture in a file of records; "" where there is none.
std::string first_name(const fs::path& file) {
  const MappedFile mapped(file);
  std::string_view rest =
      plain_text({reinterpret_cast<const char*>(mapped.bytes().data()), mapped.bytes().size()}, file.string());
  std::string_view look = rest;
  const auto line = take_line(look);
  try {
    if (line.starts_with('{')) return record_of(Json::parse(line)).name;
    const auto delimiter = delimiter_of(line);
    if (!delimiter) return "";
    TableReader rows(rest, *delimiter);
    const auto columns = Columns::of(*rows.next());
    const auto fields = rows.next();
    return fields ? columns->record(*fields, *delimiter).name : "";
  } catch (const Malformed&) {
    return "";
  } catch (const std::exception&) {  // its reader will say where
    return "";
  }
}

void read_lines(Collector& collector) {
  find_images(collector, first_name(collector.source()));
  RecordTaker taker(collector);
  read_records(collector.source(), collector, taker, {}, "");
}

/// Flickr8k's lists of names, a split each; empty where none lies beside the file.
std::unordered_map<std::string, std::string> read_split_lists(const fs::path& folder) {
  constexpr std::array<std::pair<const char*, const char*>, 3> kLists{
      {{"trainImages.txt", "train"}, {"devImages.txt", "val"}, {"testImages.txt", "test"}}};
  std::unordered_map<std::string, std::string> splits;
  for (const char* prefix : {"Flickr_8k.", "Flickr8k.", ""})
    for (const auto& [list, split] : kLists) {
      const fs::path file = folder / (std::string(prefix) + list);
      std::error_code error;
      if (!fs::is_regular_file(file, error)) continue;
      const std::string text = read_file(file);
      std::string_view rest = plain_text(text, file.string());
      while (!rest.empty()) {
        const auto name = take_line(rest);
        if (name.empty()) continue;
        const auto [known, is_new] = splits.emplace(name, split);
        if (!is_new && known->second != split)
          throw InputError(file.string() + ": " + std::string(name) + " is in another split's list, too");
      }
    }
  return splits;
}

}  // namespace

void read_json_list(Collector& collector) {
  const MappedFile mapped(collector.source());
  RecordTaker taker(collector);
  size_t number = 0;
  bool is_found = false;  // the images folder
  const auto take = [&](int depth, Json::parse_event_t event, Json& value) {
    using Event = Json::parse_event_t;
    const bool whole = event == Event::object_end || event == Event::array_end || event == Event::value;
    if (depth != 1 || !whole) return true;
    const std::string place = "[" + std::to_string(number++) + "]";
    if (number == 1 && !(value.is_object() && names_file(value)))
      throw InputError(collector.source().string() +
                       ": no data set: the first of its list is no {\"image\": NAME, \"caption\": TEXT}" +
                       (is_results(collector.source()) ? " but a result, which names an id alone" : ""));
    try {
      const Record record = record_of(value);
      if (!std::exchange(is_found, true)) find_images(collector, record.name);
      taker.take(record, place);
    } catch (const Malformed& fault) {
      collector.see_picture();
      collector.picture_fault("malformed", place + ": " + fault.what);
    }
    return false;  // a tree of the whole file would take several times the memory of the result
  };
  parse_json({reinterpret_cast<const char*>(mapped.bytes().data()), mapped.bytes().size()}, collector.source().string(),
             take);
}

void read_json_lines(Collector& collector) { read_lines(collector); }
void read_table(Collector& collector) { read_lines(collector); }

void read_tokens(Collector& collector) {
  const MappedFile mapped(collector.source());
  std::string_view rest = plain_text({reinterpret_cast<const char*>(mapped.bytes().data()), mapped.bytes().size()},
                                     collector.source().string());
  const auto splits = read_split_lists(collector.source().parent_path());
  RecordTaker taker(collector);
  std::unordered_set<std::string> unlisted;
  for (size_t line = 1; !rest.empty(); ++line) {
    const auto text = take_line(rest);
    if (text.empty()) continue;
    const std::string place = "line " + std::to_string(line);
    const size_t tab = text.find('\t'), mark = text.rfind('#', tab);
    if (tab == text.npos || mark == text.npos || mark == 0) {
      collector.see_caption();
      collector.caption_fault("malformed", place + ": NAME#0, a tab and a caption are needed");
      continue;
    }
    Record record;
    record.name = std::string(text.substr(0, mark));
    record.captions.push_back(std::string(text.substr(tab + 1)));
    if (line == 1) find_images(collector, record.name);
    if (!splits.empty()) {
      const auto split = splits.find(record.name);
      if (split == splits.end()) {  // the lists say what belongs to the data set
        unlisted.insert(record.name);
        continue;
      }
      record.split = split->second;
    }
    taker.take(record, place);
  }
  if (!unlisted.empty())
    note(collector.source().string() + ": " + counted(unlisted.size(), "picture") + " left out: in no split's list");
}

}  // namespace attend
