// attend merge: what several runs of attend caption wrote, as one run would have written it.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>

#include "app/commands.h"
#include "app/output_name.h"
#include "app/shard.h"
#include "base/base64.h"
#include "base/console.h"
#include "base/csv.h"
#include "base/error.h"
#include "base/files.h"
#include "base/printable.h"
#include "data/caption_list.h"
#include "pipeline/captioned_index.h"
#include "vision/find_pictures.h"
#include "vision/name_list.h"

namespace attend {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
constexpr size_t kMostNames = 3;            // in a message
constexpr uint64_t kMostMissingParts = 64;  // beyond the files that are there, looked for where --shards isn't given

CommandSyntax merge_syntax() {
  return {
      "merge",
      "PART...",
      1,
      SIZE_MAX,
      "Joins what runs of attend caption --shard I/N wrote (JSON lines, CSV or text) in the order that one run on a "
      "folder has, or that of --pictures. A part that is missing, a picture that is there twice and, with --pictures, "
      "one "
      "that has no line are named; then nothing is written and the exit status is 1. Indexes of --only-new become one "
      "that knows all pictures.",
      {{"attend merge part-*.jsonl > captions.jsonl", "the parts of a job array, checked"},
       {"attend merge part-*.csv --pictures photos --recursive --output captions.csv",
        "also whether every picture has its line"},
       {"attend merge old.jsonl new.jsonl --shards 1 --latest > captions.jsonl",
        "of pictures that were captioned again the last caption"},
       {"attend merge a.index b.index --output all.index", "one index of two machines"}}};
}

struct MergeOptions {
  int shards = 0;
  bool latest = false;
  std::vector<std::string> pictures;
  std::string files_from;
  bool recursive = false;
  std::vector<std::string> exclude;
  fs::path output;  // empty: standard output

  void list(OptionList& options) {
    options.section("", "Parts");
    options.add("shards", shards, "the N of --shard I/N; 0: found out from the pictures' paths", at_least(0));
    options.add("latest", latest, "of several captions of one picture take that which stands last");
    options.section("", "Pictures");
    options.add(
        "pictures", pictures,
        "files, folders and patterns that were captioned: their order, and whether each has its line; may be repeated");
    options.add("files_from", files_from, "read more of these from this file, one a line");
    options.add("recursive", recursive, "look in subfolders too");
    options.add("exclude", exclude, "pass over pictures as attend caption does; may be repeated");
    options.section("", "Output");
    options.add("output", output, "write to this file, which appears whole, and not to standard output");
  }
};

enum class Kind { kNothing, kIndex, kJsonLines, kCsv, kText };

Kind kind_of_part(std::string_view text) {
  if (text.find_first_not_of("\r\n") == text.npos) return Kind::kNothing;
  if (CaptionedIndex::is_index(text)) return Kind::kIndex;
  if (text.starts_with('{')) return Kind::kJsonLines;
  if (text.starts_with("file,caption,")) return Kind::kCsv;
  return Kind::kText;
}

/// The lines of a picture in one part.
struct Entry {
  fs::path picture;
  std::string_view lines;
  size_t part;
};

struct Part {
  std::string name;
  MappedFile file;
  std::string_view text;
  Kind kind;
  std::string_view header = {};  // of a table

  explicit Part(const std::string& path) : name(path), file(path) {
    const auto bytes = file.bytes();
    text = {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
    kind = kind_of_part(text);
  }
};

/// `> PART` has emptied it before attend could read it, and with `>> PART` it would be there twice.
bool is_standard_output(const std::string& part) {
  struct stat of_part, of_output;
  return ::stat(part.c_str(), &of_part) == 0 && ::fstat(STDOUT_FILENO, &of_output) == 0 && S_ISREG(of_part.st_mode) &&
         of_part.st_dev == of_output.st_dev && of_part.st_ino == of_output.st_ino;
}

/// A line without its end, which Windows' programs write otherwise.
std::string_view without_end(std::string_view line) { return line.substr(0, line.find_last_not_of("\r\n") + 1); }

bool is_empty(std::string_view line) { return line.find_first_not_of(" \r\n") == line.npos; }

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

/// Adds the entries of a part. What follows one another of one picture is one entry (--n-best). Throws InputError.
class Entries {
 public:
  void add(Part& part, size_t number) {
    part_ = number, open_ = false;
    try {
      if (part.kind == Kind::kCsv) return add_table(part);
      for (size_t at = 0; at < part.text.size(); ++line_) {
        const size_t end = part.text.find('\n', at);
        if (end == part.text.npos) throw InputError("is cut short; run that part again");
        add_line(part.text.substr(at, end + 1 - at), part.kind);
        at = end + 1;
      }
    } catch (const InputError& fault) {
      throw InputError(part.name + ":" + std::to_string(line_) + ": " + fault.what());
    }
  }
  std::vector<Entry> take() { return std::move(entries_); }

 private:
  void add_line(std::string_view line, Kind kind) {
    if (is_empty(line)) return;
    const size_t tab = line.find('\t');
    const std::string name = kind == Kind::kJsonLines ? name_in_json(line)
                             : tab == line.npos       ? ""
                                                      : std::string(line.substr(0, tab));
    put(name, line, kind == Kind::kText);
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
  void put(const std::string& name, std::string_view lines, bool joins) {
    if (name.empty()) throw InputError("no line of attend caption; no picture is named");
    if (joins && open_ && entries_.back().picture.native() == name) {
      auto& before = entries_.back().lines;  // and empty lines between
      before = {before.data(), static_cast<size_t>(lines.data() + lines.size() - before.data())};
    } else {
      entries_.push_back({name, lines, part_});
    }
    open_ = true;
  }

  std::vector<Entry> entries_;
  size_t part_ = 0, line_ = 1;
  bool open_ = false;
};

/// "a.jpg, b.jpg, c.jpg and 12 more"
std::string some_of(const std::vector<fs::path>& paths) {
  std::string text;
  for (size_t i = 0; i < std::min(paths.size(), kMostNames); ++i) text += (i ? ", " : "") + paths[i].string();
  return text + (paths.size() > kMostNames ? " and " + std::to_string(paths.size() - kMostNames) + " more" : "");
}

class Merge {
 public:
  Merge(const std::vector<std::string>& names, const MergeOptions& options) : options_(options) {
    parts_.reserve(names.size());  // the parts' texts stay where they are
    for (const auto& name : names) {
      if (options.output.empty() && is_standard_output(name))
        throw UsageError(name + ": is a part and takes the output, too; write elsewhere, or say --output FILE");
      parts_.emplace_back(name);
    }
  }

  int run() {
    for (const auto& part : parts_) {
      if (part.kind == Kind::kNothing) continue;
      if (kind_ != Kind::kNothing && part.kind != kind_)
        throw InputError(part.name + ": is of another form than " + first_ + "; all parts have to be of one");
      if (kind_ == Kind::kNothing) kind_ = part.kind, first_ = part.name;
    }
    if (kind_ == Kind::kIndex) return join_indexes();
    Entries entries;
    for (size_t i = 0; i < parts_.size(); ++i) entries.add(parts_[i], i);
    entries_ = entries.take();
    for (const auto& part : parts_)
      if (part.kind == Kind::kCsv && !entries_.empty() &&
          without_end(part.header) != without_end(parts_[entries_.front().part].header))
        throw InputError(part.name + ": has other columns than " + first_);
    check_parts();
    check_twice();
    sort();
    for (const auto& fault : faults_) complain(fault);
    if (!faults_.empty()) return complain("nothing is written"), 1;
    if (options_.pictures.empty() && options_.files_from.empty())
      for (const auto& part : parts_)
        if (part.kind == Kind::kNothing)
          warn(part.name +
               ": is empty; right where its part had no pictures, wrong where that run failed (--pictures tells)");
    write();
    note(counted(entries_.size(), "picture") + " from " + counted(parts_.size(), "file"));
    return 0;
  }

 private:
  int join_indexes() {
    std::vector<std::string_view> texts;
    for (const auto& part : parts_) texts.push_back(part.text);
    emit([&](auto&& out) { out(CaptionedIndex::joined(texts)); });
    return 0;
  }

  /// Whether every file holds pictures of one part of `count`, no two of the same; then the parts that are there.
  std::optional<std::set<uint64_t>> parts_of(uint64_t count) const {
    std::map<size_t, uint64_t> of_file;
    for (const auto& entry : entries_) {
      const uint64_t shard = shard_of(entry.picture, count);
      if (of_file.emplace(entry.part, shard).first->second != shard) return std::nullopt;
    }
    std::set<uint64_t> there;
    for (const auto& [file, shard] : of_file) there.insert(shard);
    return there.size() == of_file.size() || options_.shards > 0 ? std::optional(there) : std::nullopt;
  }

  /// A part that had no pictures has an empty file.
  void check_parts() {
    uint64_t count = options_.shards > 0 ? static_cast<uint64_t>(options_.shards) : parts_.size();
    auto there = parts_of(count);
    if (options_.shards == 0)
      while (!there && count < parts_.size() + kMostMissingParts) there = parts_of(++count);
    if (!there) {
      faults_.push_back(options_.shards > 0
                            ? "a file holds pictures of more than one of " + std::to_string(options_.shards) +
                                  " parts; was it --shard I/" + std::to_string(options_.shards) + "?"
                            : "these files aren't the parts of one --shard I/N; `cat` joins others");
      return;
    }
    std::set<size_t> filled;
    for (const auto& entry : entries_) filled.insert(entry.part);
    const size_t empty = parts_.size() - filled.size();
    std::string missing;
    size_t absent = 0;
    for (uint64_t shard = 1; shard <= count; ++shard)
      if (!there->contains(shard))
        missing += (absent++ ? ", " : "") + std::to_string(shard) + "/" + std::to_string(count);
    if (absent > empty) faults_.push_back("missing: the output of --shard " + missing);
  }

  void check_twice() {
    std::unordered_map<std::string, size_t> last;
    for (size_t i = 0; i < entries_.size(); ++i) last[entries_[i].picture.native()] = i;
    if (last.size() == entries_.size()) return;
    std::vector<Entry> kept;
    size_t twice = 0;
    for (size_t i = 0; i < entries_.size(); ++i) {
      const Entry& entry = entries_[i];
      const size_t other = last[entry.picture.native()];
      if (other == i)
        kept.push_back(entry);
      else if (!options_.latest && ++twice <= kMostNames)
        faults_.push_back(entry.picture.string() + ": is there twice, in " + parts_[entry.part].name + " and " +
                          parts_[entries_[other].part].name + "; --latest takes the last");
    }
    if (twice > kMostNames) faults_.push_back(std::to_string(twice - kMostNames) + " more are there twice");
    entries_ = std::move(kept);
  }

  /// In the order of --pictures, or else in that in which a folder is walked through: names part by part, bytewise.
  void sort() {
    std::vector<std::string> names = options_.pictures;
    if (!options_.files_from.empty())
      for (auto& name : parse_name_list(read_file(options_.files_from), '\n', options_.files_from))
        names.push_back(std::move(name));
    if (names.empty()) {
      std::stable_sort(entries_.begin(), entries_.end(),
                       [](const Entry& a, const Entry& b) { return a.picture < b.picture; });
      return;
    }
    FoundPictures found = find_pictures(names, options_.recursive, options_.exclude);
    for (auto& refusal : found.refusals) faults_.push_back(std::move(refusal));
    std::unordered_map<std::string, const Entry*> by_name;
    for (const auto& entry : entries_) by_name[entry.picture.native()] = &entry;
    std::vector<Entry> ordered;
    std::vector<fs::path> missing, unknown;
    std::set<std::string> wanted;
    for (const auto& picture : found.pictures) {
      if (!wanted.insert(picture.path.native()).second) continue;
      const auto entry = by_name.find(picture.path.native());
      if (entry == by_name.end())
        missing.push_back(picture.path);
      else
        ordered.push_back(*entry->second);
    }
    for (const auto& entry : entries_)
      if (!wanted.contains(entry.picture.native())) unknown.push_back(entry.picture);
    if (!missing.empty())
      faults_.push_back(std::to_string(missing.size()) + (missing.size() == 1 ? " picture has" : " pictures have") +
                        " no line: " + some_of(missing));
    if (!unknown.empty())
      faults_.push_back(std::to_string(unknown.size()) + (unknown.size() == 1 ? " line is" : " lines are") +
                        " of no picture that is named: " + some_of(unknown));
    entries_ = std::move(ordered);
  }

  void write() {
    emit([&](auto&& out) {
      if (kind_ == Kind::kCsv) {
        const auto table =
            std::find_if(parts_.begin(), parts_.end(), [](const Part& part) { return !part.header.empty(); });
        out(table->header);
      }
      for (const auto& entry : entries_) {
        if (kind_ == Kind::kCsv) {
          out(entry.lines);
          continue;
        }
        for (size_t at = 0; at < entry.lines.size();) {
          const size_t end = entry.lines.find('\n', at);
          const auto line = without_end(entry.lines.substr(at, end - at));
          at = end + 1;
          if (!is_empty(line)) out(line), out("\n");
        }
      }
    });
  }

  /// Calls `lines` with what takes text.
  template <class Lines>
  void emit(Lines lines) {
    if (options_.output.empty()) return lines([](std::string_view text) { std::cout << text; });
    AtomicFile file(options_.output);
    lines([&](std::string_view text) { file.write(text); });
    file.commit();
  }

  const MergeOptions& options_;
  std::vector<Part> parts_;
  Kind kind_ = Kind::kNothing;
  std::string first_;  // the first part that isn't empty
  std::vector<Entry> entries_;
  std::vector<std::string> faults_;
};

}  // namespace

int merge_command(const std::vector<std::string>& arguments) {
  MergeOptions options;
  OptionList list;
  options.list(list);
  const CommandLine line = parse_command_line(arguments, list, merge_syntax());
  if (answer(line, merge_syntax(), list, std::cout)) return 0;
  std::vector<fs::path> read(options.pictures.begin(), options.pictures.end());
  read.emplace_back(options.files_from);
  check_output("--output", options.output, read);
  return Merge(line.positional, options).run();
}

}  // namespace attend
