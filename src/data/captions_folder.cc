#include <algorithm>
#include <array>
#include <fstream>
#include <numeric>
#include <optional>
#include <set>

#include "base/archive.h"
#include "base/console.h"
#include "base/error.h"
#include "base/files.h"
#include "base/gzip.h"
#include "base/printable.h"
#include "base/tar.h"
#include "data/forms.h"
#include "data/records.h"
#include "data/table.h"
#include "vision/find_pictures.h"
#include "vision/kind.h"

namespace attend {
namespace {

namespace fs = std::filesystem;

bool is_split(const std::string& name) { return name == "train" || name == "val" || name == "test"; }

/// The split that a name has among its words ("flickr8k-train-0001.tar"), or "".
std::string split_within(const std::string& name) {
  std::string word;
  for (const char c : name + "-") {
    if (std::isalpha(static_cast<unsigned char>(c))) {
      word += c;
      continue;
    }
    if (is_split(split_name(word))) return split_name(word);
    word.clear();
  }
  return "";
}

/// A caption a line.
std::vector<std::string> caption_lines(const std::string& bytes, const std::string& source) {
  std::vector<std::string> captions;
  for (std::string_view rest = plain_text(bytes, source); !rest.empty();)
    if (const auto line = take_line(rest); line.find_first_not_of(" \t") != line.npos) captions.emplace_back(line);
  return captions;
}

std::vector<fs::path> sorted_entries(const fs::path& folder) {
  std::vector<fs::path> entries;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error))
    entries.push_back(entry->path());
  if (error) throw InputError(folder.string() + ": the folder can't be read: " + error.message());
  std::sort(entries.begin(), entries.end());
  return entries;
}

/// metadata.jsonl or metadata.csv in a folder and in the folders within it.
std::vector<fs::path> metadata_files(const fs::path& folder) {
  std::vector<fs::path> folders{folder}, files;
  std::error_code error;
  for (const auto& entry : sorted_entries(folder))
    if (fs::is_directory(entry, error)) folders.push_back(entry);
  for (const auto& place : folders)
    for (const char* name : {"metadata.jsonl", "metadata.csv"})
      if (fs::is_regular_file(place / name, error)) {
        files.push_back(place / name);
        break;
      }
  return files;
}

/// The names that a pattern as webdataset's users write it stands for, the braces of a file's name filled in as bash does:
/// "train-{000..010}.tar", "{a,b}.tar". A name without braces is itself.
std::vector<fs::path> expand_braces(const fs::path& pattern) {
  constexpr uint64_t kMost = 1'000'000;
  const std::string name = pattern.filename().string();
  const size_t open = name.find('{'), close = name.find('}', open);
  if (close == name.npos) return {pattern};
  const std::string inside = name.substr(open + 1, close - open - 1);
  const size_t dots = inside.find("..");
  const std::string first = inside.substr(0, dots), last = dots == inside.npos ? "" : inside.substr(dots + 2);
  const auto is_number = [](const std::string& text) {
    return !text.empty() && text.size() < 18 && text.find_first_not_of("0123456789") == text.npos;
  };
  std::vector<std::string> parts;
  if (is_number(first) && is_number(last)) {
    const uint64_t from = std::stoull(first), to = std::stoull(last);
    if (to < from || to - from >= kMost)
      throw InputError(pattern.string() + ": {" + inside + "} is no range that counts up");
    for (uint64_t number = from; number <= to; ++number) {
      std::string digits = std::to_string(number);
      const size_t width = std::max(first.size(), last.size());  // bash pads where one of both has a leading zero
      if (first[0] == '0' || last[0] == '0') digits.insert(0, width - std::min(width, digits.size()), '0');
      parts.push_back(digits);
    }
  } else {
    for (size_t at = 0, comma; at <= inside.size(); at = comma + 1)
      parts.push_back(inside.substr(at, (comma = std::min(inside.find(',', at), inside.size())) - at));
  }
  std::vector<fs::path> names;
  for (const auto& part : parts)
    for (auto& one : expand_braces(pattern.parent_path() / (name.substr(0, open) + part + name.substr(close + 1))))
      names.push_back(std::move(one));
  return names;
}

/// The archives of a WebDataset: one, those in a folder, or those that a pattern names.
std::vector<fs::path> tar_files(const fs::path& path) {
  std::error_code error;
  if (!fs::is_directory(path, error)) return fs::exists(path, error) ? std::vector{path} : expand_braces(path);
  std::vector<fs::path> tars;
  for (const auto& entry : sorted_entries(path)) {
    if (!is_tar_name(entry) || !fs::is_regular_file(entry, error)) continue;
    const auto unpacked = fs::path(entry).replace_extension(entry.extension() == ".gz" ? "" : ".tar");
    if (unpacked == entry || !fs::exists(unpacked, error)) tars.push_back(entry);
  }
  return tars;
}

bool is_gzip(const fs::path& file) {
  char magic[2] = {};
  return std::ifstream(file, std::ios::binary).read(magic, 2) && magic[0] == '\x1f' && magic[1] == '\x8b';
}

/// One archive of a WebDataset. Members belong together that have one name up to the first dot behind the last slash.
class Shard {
 public:
  Shard(fs::path tar, const TakeSample& take) : tar_(std::move(tar)), take_(take) {}

  void read() const {
    const ArchiveContents contents = list_archive(tar_, nullptr);
    for (const auto& [why, names] : contents.refused)
      throw InputError(tar_.string() + ": " + quote(names.front()) + ": " + why);
    for (const auto& [why, names] : contents.passed_over)
      warn(tar_.string() + ": " + counted(names.size(), "member") + " passed over: " + why + " (" +
           printable(names.front()) + (names.size() > 1 ? ", …)" : ")"));
    const auto& members = contents.members;
    std::vector<uint32_t> order(members.size());  // samples needn't lie together
    std::iota(order.begin(), order.end(), uint32_t{0});
    const auto key = [&](uint32_t i) { return key_of(members[i].name); };
    std::stable_sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return key(a) < key(b); });
    std::vector<std::pair<uint32_t, uint32_t>> samples;  // first member, and where it stands in `order`
    for (uint32_t i = 0; i < order.size(); ++i)
      if (i == 0 || key(order[i]) != key(order[i - 1])) samples.emplace_back(order[i], i);
    std::sort(samples.begin(), samples.end());
    for (const auto& [first, at] : samples) {
      std::vector<ArchiveMember> sample;
      for (size_t i = at; i < order.size() && key(order[i]) == key(first); ++i) sample.push_back(members[order[i]]);
      take(sample);
    }
  }

 private:
  static std::string_view key_of(std::string_view member) {
    const size_t slash = member.rfind('/'), dot = member.find('.', slash == member.npos ? 0 : slash + 1);
    return member.substr(0, dot);
  }

  void take(const std::vector<ArchiveMember>& members) const {
    WebSample sample;
    std::vector<std::string> lines;
    sample.tar = tar_;
    sample.key = key_of(members[0].name);
    const std::string place = sample.place();
    try {
      for (const auto& member : members) {
        const std::string ending = member.name.substr(sample.key.size());
        const auto bytes = [&](size_t most) { return *read_archive_member(tar_ / member.name, most); };
        if (ending == ".txt" || ending == ".caption" || ending == ".cap" || ending == ".text") {
          for (auto& line : caption_lines(bytes(SIZE_MAX), place + ending)) lines.push_back(std::move(line));
        } else if (ending == ".json") {
          sample.record = record_of(parse_json(bytes(SIZE_MAX), place + ending));  // its picture needs no name
        } else if (sample.picture.empty()) {
          const std::string first = bytes(kKindBytes);
          const auto use = kind_of({reinterpret_cast<const unsigned char*>(first.data()), first.size()}).use;
          if (use == Kind::kRead || use == Kind::kPicture) sample.picture = member.name;
        }
      }
    } catch (const Malformed& fault) {
      sample.fault = place + ": " + fault.what;
    } catch (const InputError& fault) {
      sample.fault = fault.what();
    }
    if (sample.record.captions.empty()) sample.record.captions = std::move(lines);
    if (sample.fault.empty() && sample.picture.empty() && sample.record.captions.empty()) return;  // of something else
    take_(std::move(sample));
  }

  const fs::path tar_;
  const TakeSample& take_;
};

}  // namespace

std::string WebSample::place() const { return tar.filename().string() + "/" + key; }

void read_web_samples(const fs::path& source, const TakeSample& take) {
  const auto tars = tar_files(source);
  if (tars.size() > kMostPackedArchives)
    if (const auto packed = std::count_if(tars.begin(), tars.end(), is_gzip); packed > ptrdiff_t{kMostPackedArchives})
      throw InputError(source.string() + ": " + std::to_string(packed) + " compressed archives, and more than " +
                       std::to_string(kMostPackedArchives) +
                       " would be unpacked again and again; unpack them first (gunzip -k *.gz)");
  for (const auto& tar : tars) Shard(tar, take).read();
}

void read_image_folder(Collector& collector) {
  const fs::path folder = collector.source();
  collector.set_images(folder);
  RecordTaker taker(collector);
  for (const auto& file : metadata_files(folder)) {
    const fs::path prefix = file.parent_path() == folder ? fs::path() : file.parent_path().filename();
    const std::string split = split_name(prefix.string());
    read_records(file, collector, taker, prefix, is_split(split) ? split : "");
  }
}

void read_sidecars(Collector& collector) {
  const fs::path folder = collector.source();
  collector.set_images(folder);
  const FoundPictures found = find_pictures({folder.string()}, true);
  for (const auto& remark : found.remarks()) warn(remark);
  for (const auto& [path, name, container, is_video] : found.pictures) {
    collector.see_picture();
    PictureId id = *read_picture_id(Json(name.string()));
    const std::string split = name.has_parent_path() ? split_name(name.begin()->string()) : "";
    if (!collector.claim(id)) continue;
    const int64_t at = collector.add_picture(std::move(id), name, is_split(split) ? split : "", true);
    for (const char* ending : {".txt", ".caption"})  // of a picture without an ending both are one
      for (const auto& file : std::set{fs::path(path).replace_extension(ending), fs::path(path.string() + ending)}) {
        std::error_code error;
        if (!fs::is_regular_file(file, error)) continue;
        size_t line = 0;
        for (const auto& caption : caption_lines(read_regular_file(file), file.string()))
          collector.add_caption(at, caption, "",
                                file.lexically_relative(folder).string() + ":" + std::to_string(++line));
      }
  }
}

void read_web_dataset(Collector& collector) {
  const fs::path source = collector.source();
  std::error_code error;
  const bool is_folder = fs::is_directory(source, error);
  collector.set_images(is_folder ? source : source.parent_path());
  std::unordered_set<std::string> keys;
  read_web_samples(source, [&](WebSample sample) {
    collector.see_picture();
    const std::string place = sample.place();
    if (!sample.fault.empty()) return collector.picture_fault("malformed", sample.fault);
    if (sample.picture.empty()) return collector.picture_fault("captions without a picture", place);
    // Keys are unique by convention only; those of a later shard that aren't go by the shard, too.
    PictureId id =
        sample.record.id.value_or(*read_picture_id(Json(keys.insert(sample.key).second ? sample.key : place)));
    if (!collector.claim(id)) return;
    const std::string split =
        split_name(sample.record.split.empty() ? split_within(sample.tar.stem().string()) : sample.record.split);
    const int64_t at = collector.add_picture(std::move(id), sample.tar.filename() / sample.picture, split, true);
    for (const auto& caption : sample.record.captions) collector.add_caption(at, caption, sample.record.origin, place);
  });
}

namespace {

/// As a shell takes it for one word.
std::string shell_word(const std::string& text) {
  std::string word = "'";
  for (const char c : text) c == '\'' ? word += "'\\''" : word += c;
  return word + "'";
}

/// Throws InputError that says what to run. No library for Parquet is small.
[[noreturn]] void refuse_parquet(const fs::path& file) {
  const auto made = fs::path(file).replace_extension(".jsonl");
  throw InputError(file.string() +
                   ": Parquet is not read; write it as JSON lines (with pandas and pyarrow): python3 -c \"import sys, "
                   "pandas; pandas.read_parquet(sys.argv[1]).to_json(sys.argv[2], orient='records', lines=True)\" " +
                   shell_word(file.string()) + " " + shell_word(made.string()));
}

/// A Parquet file of a folder that has no pictures, or of its folder "data": the pictures are in it.
std::optional<fs::path> parquet_in(const fs::path& folder) {
  std::error_code error;
  std::optional<fs::path> found;
  for (const auto& place : {folder, folder / "data"}) {
    if (!fs::is_directory(place, error)) continue;
    for (const auto& entry : sorted_entries(place)) {
      if (has_picture_extension(entry)) return std::nullopt;
      if (!found && entry.extension() == ".parquet") found = entry;
    }
  }
  return found;
}

FormFile form_of_folder(const fs::path& folder) {
  std::error_code error;
  const auto there = [&](const fs::path& name) { return fs::is_regular_file(folder / name, error); };
  if (!metadata_files(folder).empty()) return {Form::kImageFolder, folder};
  if (there("metadata.parquet")) refuse_parquet(folder / "metadata.parquet");
  for (const char* name : {"Flickr8k.token.txt", "Flickr8k_text/Flickr8k.token.txt", "results_20130124.token"})
    if (there(name)) return {Form::kTokens, folder / name};
  for (const char* name : {"results.csv", "captions.txt", "captions.csv", "captions.tsv"})
    if (there(name)) return {Form::kTable, folder / name};
  if (there("captions.jsonl")) return {Form::kJsonLines, folder / "captions.jsonl"};
  if (!tar_files(folder).empty()) return {Form::kWebDataset, folder};
  if (const auto parquet = parquet_in(folder))
    throw InputError(parquet->string() +
                     ": pictures in Parquet are not read; docs/formats.md shows how to write them "
                     "as an imagefolder");
  return {Form::kSidecars, folder};
}

bool is_tokens(std::string_view line) {
  const size_t tab = line.find('\t'), mark = line.rfind('#', tab);
  return tab != line.npos && mark != line.npos && mark > 0 && mark + 1 < tab &&
         std::all_of(line.begin() + static_cast<long>(mark) + 1, line.begin() + static_cast<long>(tab),
                     [](unsigned char c) { return std::isdigit(c); });
}

}  // namespace

FormFile form_of(const fs::path& path) {
  std::error_code error;
  if (fs::is_directory(path, error)) return form_of_folder(path.has_filename() ? path : path.parent_path());
  if (is_tar_name(path) && !fs::exists(path, error) && path.filename().string().find('{') != std::string::npos)
    return {Form::kWebDataset, path};
  if (!fs::is_regular_file(path, error)) return {Form::kJson, path};  // a pipe can be read only once
  constexpr size_t kFirst = 1 << 20;
  std::string bytes;
  {
    const MappedFile mapped(path);
    bytes.assign(reinterpret_cast<const char*>(mapped.bytes().data()), std::min(mapped.bytes().size(), kFirst));
  }
  if (bytes.starts_with("PAR1")) refuse_parquet(path);
  if (bytes.size() > 262 && bytes.compare(257, 5, "ustar") == 0) return {Form::kWebDataset, path};
  if (is_tar_name(path)) return {Form::kWebDataset, path};  // whose reader says what is wrong
  if (bytes.starts_with("\x1f\x8b")) {
    if (GzipFile(path).read(257, 5) == "ustar") return {Form::kWebDataset, path};
    throw InputError(path.string() + ": is compressed (gzip); unpack it first (gunzip -k)");
  }
  if (bytes.starts_with("PK\x03\x04"))
    throw InputError(path.string() + ": is a zip archive; unpack it first, and name the folder");
  std::string_view rest = bytes;
  if (rest.starts_with("\xef\xbb\xbf")) rest.remove_prefix(3);
  while (!rest.empty() && (rest[0] == '\n' || rest[0] == '\r')) rest.remove_prefix(1);
  if (rest.substr(std::min(rest.find_first_not_of(" \t\r\n"), rest.size())).starts_with('['))
    return {Form::kJsonList, path};
  const auto line = take_line(rest);
  if (line.starts_with('{')) {
    const Json first = Json::parse(line, nullptr, false);
    const bool whole = first.is_object() && !first.contains("images") && !first.contains("annotations");
    return {whole && (!first.empty() || !rest.empty()) ? Form::kJsonLines : Form::kJson, path};
  }
  if (is_tokens(line)) return {Form::kTokens, path};
  const std::string ending = path.extension().string();
  if (delimiter_of(line) || ending == ".csv" || ending == ".tsv") return {Form::kTable, path};
  return {Form::kJson, path};
}

const char* name_of(Form form) {
  switch (form) {
    case Form::kJson:
      return "COCO or Karpathy JSON";
    case Form::kJsonList:
      return "JSON list";
    case Form::kJsonLines:
      return "JSON lines";
    case Form::kTable:
      return "table";
    case Form::kTokens:
      return "Flickr8k's token file";
    case Form::kImageFolder:
      return "imagefolder";
    case Form::kSidecars:
      return "pictures with text files";
    case Form::kWebDataset:
      return "WebDataset";
  }
  return "";
}

void read_form(Form form, Collector& collector) {
  const bool has_pictures = form == Form::kImageFolder || form == Form::kSidecars || form == Form::kWebDataset;
  if (has_pictures && !collector.images().empty())
    warn(collector.images().string() + ": the images folder is of no effect, as " + collector.source().string() +
         " has its pictures in it");
  switch (form) {
    case Form::kJson:
      return read_json_captions(collector);
    case Form::kJsonList:
      return read_json_list(collector);
    case Form::kJsonLines:
      return read_json_lines(collector);
    case Form::kTable:
      return read_table(collector);
    case Form::kTokens:
      return read_tokens(collector);
    case Form::kImageFolder:
      return read_image_folder(collector);
    case Form::kSidecars:
      return read_sidecars(collector);
    case Form::kWebDataset:
      return read_web_dataset(collector);
  }
}

}  // namespace attend
