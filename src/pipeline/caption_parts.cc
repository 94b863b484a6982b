#include "pipeline/caption_parts.h"

#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "base/base64.h"
#include "base/csv.h"
#include "base/error.h"
#include "base/json.h"
#include "data/caption_list.h"
#include "pipeline/captioned_index.h"
#include "pipeline/shard.h"

namespace attend {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
constexpr uint64_t kMostMissingParts =
    64;  // beyond the files that are there, looked for where nobody says how many there are

CaptionForm form_of(std::string_view text) {
  if (text.find_first_not_of("\r\n") == text.npos) return CaptionForm::kNothing;
  if (CaptionedIndex::is_index(text)) return CaptionForm::kIndex;
  if (text.starts_with('{')) return CaptionForm::kJsonLines;
  if (text.starts_with("file,caption,")) return CaptionForm::kCsv;
  return CaptionForm::kText;
}

/// A line without its end, which Windows' programs write otherwise.
std::string_view without_end(std::string_view line) { return line.substr(0, line.find_last_not_of("\r\n") + 1); }

bool is_blank(std::string_view line) { return line.find_first_not_of(" \r\n") == line.npos; }

std::string name_in_json(std::string_view line) {
  const Json record = Json::parse(line, nullptr, false);
  const auto text = [&](const char* key) {
    const auto found = record.is_object() ? record.find(key) : record.end();
    return record.is_object() && found != record.end() && found->is_string() ? found->get<std::string>()
                                                                             : std::string();
  };
  const auto bytes = from_base64(text("file_base64"));
  return bytes && !bytes->empty() ? *bytes : text("file");
}

/// The part that each file with entries has, if each has pictures of one part of `count` alone.
std::optional<std::map<size_t, uint64_t>> shards_of(const std::vector<CaptionEntry>& entries, uint64_t count) {
  std::map<size_t, uint64_t> of_file;
  for (const auto& entry : entries) {
    const uint64_t shard = shard_of(entry.picture, count);
    if (of_file.emplace(entry.file, shard).first->second != shard) return std::nullopt;
  }
  return of_file;
}

std::set<uint64_t> shards_in(const std::map<size_t, uint64_t>& of_file) {
  std::set<uint64_t> shards;
  for (const auto& [file, shard] : of_file) shards.insert(shard);
  return shards;
}

/// Whether files are the parts of one division of the pictures. A part that had no pictures has an empty file.
void check_shards(const std::vector<CaptionEntry>& entries, size_t files, uint64_t shards, JoinFaults& faults) {
  uint64_t count = shards > 0 ? shards : files;
  auto of_file = shards_of(entries, count);
  const auto fits = [&] { return of_file && (shards > 0 || shards_in(*of_file).size() == of_file->size()); };
  if (shards == 0)
    while (!fits() && count < files + kMostMissingParts) of_file = shards_of(entries, ++count);
  if (!fits()) {
    faults.mixed = true;
    return;
  }
  faults.shards = count;
  const auto there = shards_in(*of_file);
  for (uint64_t shard = 1; shard <= count; ++shard)
    if (!there.contains(shard)) faults.missing.push_back(shard);
  if (faults.missing.size() <= files - of_file->size()) faults.missing.clear();
}

/// The last entry of each picture.
std::vector<CaptionEntry> once(const std::vector<CaptionEntry>& entries, bool latest, JoinFaults& faults) {
  std::unordered_map<std::string, size_t> last;
  for (size_t i = 0; i < entries.size(); ++i) last[entries[i].picture.native()] = i;
  std::vector<CaptionEntry> kept;
  for (size_t i = 0; i < entries.size(); ++i) {
    const size_t other = last[entries[i].picture.native()];
    if (other == i)
      kept.push_back(entries[i]);
    else if (!latest)
      faults.twice.push_back({entries[i].picture, entries[i].file, entries[other].file});
  }
  return kept;
}

std::vector<CaptionEntry> in_order_of(const std::vector<fs::path>& pictures, const std::vector<CaptionEntry>& entries,
                                      JoinFaults& faults) {
  std::unordered_map<std::string, const CaptionEntry*> by_name;
  for (const auto& entry : entries) by_name[entry.picture.native()] = &entry;
  std::vector<CaptionEntry> ordered;
  std::unordered_set<std::string> wanted;
  for (const auto& picture : pictures) {
    if (!wanted.insert(picture.native()).second) continue;
    const auto entry = by_name.find(picture.native());
    if (entry == by_name.end())
      faults.without_entry.push_back(picture);
    else
      ordered.push_back(*entry->second);
  }
  for (const auto& entry : entries)
    if (!wanted.contains(entry.picture.native())) faults.unknown.push_back(entry.picture);
  return ordered;
}

}  // namespace

CaptionParts::Part::Part(const std::string& path) : file(path) {
  const auto bytes = file.bytes();
  text = {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  form = form_of(text);
}

/// Takes the entries of one file after another. What follows one another of one picture is one entry (its n best captions).
class CaptionParts::Reader {
 public:
  explicit Reader(std::vector<CaptionEntry>& entries) : entries_(entries) {}

  /// file: its index. Throws InputError that begins with its name.
  void add(Part& part, size_t file, const std::string& name) {
    file_ = file, line_ = 1, open_ = false;
    try {
      if (part.form == CaptionForm::kCsv) return add_table(part);
      for (size_t at = 0; at < part.text.size(); ++line_) {
        const size_t end = part.text.find('\n', at);
        if (end == part.text.npos) throw InputError("is cut short; run that part again");
        add_line(part.text.substr(at, end + 1 - at), part.form);
        at = end + 1;
      }
    } catch (const InputError& fault) {
      throw InputError(name + ":" + std::to_string(line_) + ": " + fault.what());
    }
  }

 private:
  void add_line(std::string_view line, CaptionForm form) {
    if (is_blank(line)) return;
    const size_t tab = line.find('\t');
    const std::string picture = form == CaptionForm::kJsonLines ? name_in_json(line)
                                : tab == line.npos              ? ""
                                                                : std::string(line.substr(0, tab));
    put(picture, line, form == CaptionForm::kText);
  }

  void add_table(Part& part) {
    TableReader table(part.text, ',');
    size_t at = 0;
    for (bool first = true; auto row = table.next(); first = false) {
      const std::string_view lines = part.text.substr(at, part.text.size() - table.left() - at);
      at = part.text.size() - table.left();
      line_ = table.line();
      if (!lines.ends_with('\n')) throw InputError("is cut short; run that part again");
      if (first)
        part.header = lines;
      else
        put(csv_text(row->front()), lines, row->size() > 2 && !(*row)[2].empty() && (*row)[2] != "1");
    }
  }

  /// joins: a further line of the picture before.
  void put(const std::string& picture, std::string_view lines, bool joins) {
    if (picture.empty()) throw InputError("no line of attend caption; no picture is named");
    if (joins && open_ && entries_.back().picture.native() == picture) {
      auto& before = entries_.back().lines;  // and empty lines between
      before = {before.data(), static_cast<size_t>(lines.data() + lines.size() - before.data())};
    } else {
      entries_.push_back({picture, lines, file_});
    }
    open_ = true;
  }

  std::vector<CaptionEntry>& entries_;
  size_t file_ = 0, line_ = 1;
  bool open_ = false;
};

CaptionParts::CaptionParts(const std::vector<std::string>& files) : names_(files) {
  parts_.reserve(files.size());
  for (const auto& name : files) parts_.emplace_back(name);
  std::string first;  // that isn't empty
  for (size_t i = 0; i < parts_.size(); ++i) {
    if (is_empty(i)) continue;
    if (form_ == CaptionForm::kNothing) form_ = parts_[i].form, first = names_[i];
    if (parts_[i].form != form_)
      throw InputError(names_[i] + ": is of another form than " + first + "; all parts have to be of one");
  }
  if (form_ == CaptionForm::kIndex) return;
  Reader reader(entries_);
  for (size_t i = 0; i < parts_.size(); ++i) reader.add(parts_[i], i, names_[i]);
  for (size_t i = 0; i < parts_.size(); ++i)
    if (parts_[i].form == CaptionForm::kCsv && !entries_.empty() &&
        without_end(parts_[i].header) != without_end(parts_[entries_.front().file].header))
      throw InputError(names_[i] + ": has other columns than " + first);
}

JoinedCaptions CaptionParts::join(const JoinPlan& plan) const {
  JoinedCaptions joined;
  check_shards(entries_, parts_.size(), plan.shards, joined.faults);
  joined.entries = once(entries_, plan.latest, joined.faults);
  if (plan.pictures)
    joined.entries = in_order_of(*plan.pictures, joined.entries, joined.faults);
  else
    std::stable_sort(joined.entries.begin(), joined.entries.end(),
                     [](const CaptionEntry& a, const CaptionEntry& b) { return a.picture < b.picture; });
  return joined;
}

void CaptionParts::write(const std::vector<CaptionEntry>& entries,
                         const std::function<void(std::string_view)>& take) const {
  if (form_ == CaptionForm::kIndex) {
    std::vector<std::string_view> texts;
    for (const auto& part : parts_) texts.push_back(part.text);
    return take(CaptionedIndex::joined(texts));
  }
  if (form_ == CaptionForm::kCsv) {
    take(std::find_if(parts_.begin(), parts_.end(), [](const Part& part) { return !part.header.empty(); })->header);
    for (const auto& entry : entries) take(entry.lines);
    return;
  }
  for (const auto& entry : entries) {
    for (size_t at = 0; at < entry.lines.size();) {
      const size_t end = entry.lines.find('\n', at);
      const auto line = without_end(entry.lines.substr(at, end - at));
      at = end + 1;
      if (!is_blank(line)) take(line), take("\n");
    }
  }
}

}  // namespace attend
