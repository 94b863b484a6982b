#include "data/caption_list.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "base/error.h"
#include "base/files.h"
#include "data/dataset.h"
#include "text/raw_caption.h"
#include "text/unicode.h"

namespace attend {
namespace {

namespace fs = std::filesystem;

constexpr std::array kFileKeys = {"file", "image", "picture", "path", "filename", "file_name"};
constexpr std::array kCaptionKeys = {"caption", "text"};
constexpr const char* kWantedColumns =
    "\"file\" (or image, picture, path, filename, file_name) and \"caption\" (or text)";

bool is_utf8(std::string_view text) {
  std::string again;
  for (size_t at = 0; at < text.size();) append_utf8(again, next_code_point(text, at));
  return again == text;
}

bool is_blank(unsigned char c) { return c <= ' '; }

/// Collects what a file says, entry by entry.
class Collector {
 public:
  Collector(std::string source, fs::path images) : source_(std::move(source)), images_(std::move(images)) {}

  /// A caption of the picture `name`, at `line` of the file.
  void add(const std::string& name, std::string caption, size_t line) {
    if (name.empty() || name.find('\0') != name.npos) return refuse(line, "no picture's name");
    if (const auto fault = caption_fault(caption); !fault.empty()) return refuse(line, name + ": " + fault);
    const fs::path picture = images_ / fs::path(name);
    if (list_.pictures.empty() || list_.pictures.back().picture != picture) list_.pictures.push_back({picture, {}});
    list_.pictures.back().captions.push_back(std::move(caption));
    ++list_.captions;
  }

  void refuse(size_t line, const std::string& why) {
    ++list_.captions;
    list_.refusals.push_back(source_ + (line > 0 ? ":" + std::to_string(line) : "") + ": " + why);
  }

  CaptionList finish() {
    if (list_.captions == 0) throw InputError(source_ + ": no captions in it");
    return std::move(list_);
  }

 private:
  const std::string source_;
  const fs::path images_;
  CaptionList list_;
};

/// The text under the first of `keys` that is there, or nothing.
template <size_t N>
const Json* value_of(const Json& entry, const std::array<const char*, N>& keys) {
  for (const char* key : keys)
    if (const auto found = entry.find(key); found != entry.end()) return &*found;
  return nullptr;
}

std::string name_of(const Json& entry) {
  const Json* name = value_of(entry, kFileKeys);
  return name && name->is_string() ? name->get<std::string>() : "";
}

void add_line(const std::string& text, size_t line, const std::string& source, Collector& to) {
  Json entry;
  try {
    entry = parse_json(text, source);
  } catch (const InputError& error) {
    const std::string what = error.what();  // "SOURCE:1:COLUMN: fault"
    return to.refuse(line, "column " + what.substr(source.size() + 3));
  }
  if (!entry.is_object()) return to.refuse(line, "no object");
  const auto name = name_of(entry);
  const auto captions = entry.find("captions");
  if (captions != entry.end() && captions->is_array()) {
    if (captions->empty()) to.refuse(line, name + ": no captions");
    for (const auto& caption : *captions)
      caption.is_string() ? to.add(name, caption.get<std::string>(), line)
                          : to.refuse(line, name + ": a caption that is no text");
    return;
  }
  const Json* caption = value_of(entry, kCaptionKeys);
  if (!caption) return to.refuse(line, "no \"caption\", and no list of \"captions\"");
  if (!caption->is_string()) return to.refuse(line, name + ": a caption that is no text");
  to.add(name, caption->get<std::string>(), line);
}

void read_lines(std::string_view text, const std::string& source, Collector& to) {
  for (size_t line = 1; !text.empty(); ++line) {
    const size_t length = std::min(text.find('\n'), text.size());
    const auto one = text.substr(0, length);
    text.remove_prefix(std::min(length + 1, text.size()));
    if (!std::all_of(one.begin(), one.end(), [](char c) { return std::isspace(static_cast<unsigned char>(c)); }))
      add_line(std::string(one), line, source, to);
  }
}

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

/// The column that has one of these names, or none: the number of columns.
template <size_t N>
size_t column_of(const std::vector<std::string>& header, const std::array<const char*, N>& names) {
  for (const char* name : names)
    for (size_t i = 0; i < header.size(); ++i)
      if (lower(header[i]) == name) return i;
  return header.size();
}

void read_table(std::string_view text, char separator, const std::string& source, Collector& to) {
  TableReader table(text, separator);
  try {
    const auto header = table.next();
    if (!header) return;
    const size_t file = column_of(*header, kFileKeys), caption = column_of(*header, kCaptionKeys);
    if (file == header->size() || caption == header->size())
      throw InputError("its first row must name its columns, among them " + std::string(kWantedColumns));
    while (auto row = table.next()) {
      if (row->size() != header->size())
        to.refuse(table.line(),
                  std::to_string(row->size()) + " cells, but " + std::to_string(header->size()) + " columns");
      else
        to.add((*row)[file], std::move((*row)[caption]), table.line());
    }
  } catch (const InputError& error) {
    throw InputError(source + ":" + std::to_string(table.line()) + ": " + error.what());
  }
}

/// Lines of a picture, a tab and a caption.
void read_tabs(std::string_view text, Collector& to) {
  for (size_t line = 1; !text.empty(); ++line) {
    const size_t length = std::min(text.find('\n'), text.size());
    auto one = text.substr(0, length);
    text.remove_prefix(std::min(length + 1, text.size()));
    if (one.ends_with('\r')) one.remove_suffix(1);
    const size_t tab = one.find('\t');
    if (one.empty()) continue;
    if (tab == one.npos)
      to.refuse(line, "no tab between a picture and its caption");
    else
      to.add(std::string(one.substr(0, tab)), std::string(one.substr(tab + 1)), line);
  }
}

CaptionList read_dataset_file(const fs::path& file, const fs::path& images) {
  CaptionList list;
  Findings findings;
  WholeDataset whole = read_everything(file, images, 1, &findings);
  for (const auto& [kind, entries] : findings) {
    if (kind.starts_with("captions with marks")) continue;  // which are taken off
    for (const auto& entry : entries) list.refusals.push_back(file.string() + ": " + kind + ": " + entry);
  }
  const bool named = findings.count("without captions") > 0;
  for (auto& example : whole.dataset.examples) {
    list.captions += example.captions.size();
    if (!example.captions.empty())
      list.pictures.push_back({std::move(example.picture), std::move(example.captions)});
    else if (!named)
      list.refusals.push_back(example.picture.string() + ": has no captions in " + file.string());
  }
  list.captions += list.refusals.size();
  return list;
}

}  // namespace

std::string caption_fault(std::string& caption) {
  if (caption.find('\0') != caption.npos) return "a caption with a NUL byte in it is no text";
  if (!is_utf8(caption)) return "a caption that isn't UTF-8; is it Latin-1? Convert it (iconv -f LATIN1 -t UTF-8)";
  std::replace_if(
      caption.begin(), caption.end(), [](unsigned char c) { return c < ' '; }, ' ');
  take_off_marks(caption);
  caption.erase(caption.begin(), std::find_if_not(caption.begin(), caption.end(), is_blank));
  caption.erase(std::find_if_not(caption.rbegin(), caption.rend(), is_blank).base(), caption.end());
  if (caption.empty()) return "an empty caption";
  return has_word(caption) ? "" : "a caption without a word: \"" + caption + "\"";
}

CaptionList read_caption_list(const fs::path& file, const fs::path& images) {
  const std::string ending = lower(file.extension().string());
  if (ending == ".json") return read_dataset_file(file, images);
  const bool lines = ending == ".jsonl" || ending == ".ndjson";
  if (!lines && ending != ".csv" && ending != ".tsv" && ending != ".txt")
    throw InputError(file.string() +
                     ": captions are read from .json (COCO, Karpathy), .jsonl, .csv, .tsv and .txt files; its "
                     "ending says which");
  const std::string all = read_file(file);
  std::string_view text = all;
  if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff"))
    throw InputError(file.string() + ": is UTF-16, as PowerShell's > writes it; save it as UTF-8");
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  Collector collector(file.string(), images);
  if (lines)
    read_lines(text, file.string(), collector);
  else if (ending == ".txt")
    read_tabs(text, collector);
  else
    read_table(text, ending == ".csv" ? ',' : '\t', file.string(), collector);
  return collector.finish();
}

CaptionList read_sidecars(const std::vector<fs::path>& pictures) {
  CaptionList list;
  const auto refuse = [&](std::string why) {
    list.refusals.push_back(std::move(why));
    ++list.captions;
  };
  for (const auto& picture : pictures) {
    fs::path sidecar = fs::path(picture) += ".txt";  // of pictures that share a name but for its ending
    std::error_code ignored;
    if (!fs::exists(sidecar, ignored)) sidecar = fs::path(picture).replace_extension(".txt");
    std::string text;
    try {
      text = read_file(sidecar);
    } catch (const InputError& error) {
      refuse(picture.string() + ": no captions beside it: " + error.what());
      continue;
    }
    Collector collector(sidecar.string(), {});
    std::string_view rest = text;
    for (size_t line = 1; !rest.empty(); ++line) {
      const size_t length = std::min(rest.find('\n'), rest.size());
      std::string one(rest.substr(0, length));
      rest.remove_prefix(std::min(length + 1, rest.size()));
      if (!std::all_of(one.begin(), one.end(), is_blank)) collector.add(picture.string(), std::move(one), line);
    }
    try {
      CaptionList one = collector.finish();
      list.captions += one.captions;
      for (auto& refusal : one.refusals) list.refusals.push_back(std::move(refusal));
      for (auto& found : one.pictures) list.pictures.push_back(std::move(found));
    } catch (const InputError&) {
      refuse(picture.string() + ": no captions in " + sidecar.string());
    }
  }
  return list;
}

TableReader::TableReader(std::string_view text, char separator) : rest_(text), separator_(separator) {}

std::optional<std::vector<std::string>> TableReader::next() {
  while (rest_.starts_with('\n') || rest_.starts_with("\r\n")) {
    rest_.remove_prefix(rest_.front() == '\r' ? 2 : 1);
    ++next_line_;
  }
  if (rest_.empty()) return std::nullopt;
  line_ = next_line_;
  std::vector<std::string> row(1);
  size_t at = 0;
  const auto ends_row = [&] {
    return rest_[at] == '\n' || (rest_[at] == '\r' && (at + 1 == rest_.size() || rest_[at + 1] == '\n'));
  };
  for (;;) {
    if (at < rest_.size() && rest_[at] == '"') {
      for (++at;; ++at) {
        if (at == rest_.size()) throw InputError("a quote that is never closed");
        if (rest_[at] == '\n') ++next_line_;
        if (rest_[at] == '"' && (++at == rest_.size() || rest_[at] != '"')) break;
        row.back().push_back(rest_[at]);
      }
      if (at < rest_.size() && rest_[at] != separator_ && !ends_row()) throw InputError("text behind a closing quote");
    } else {
      for (; at < rest_.size() && rest_[at] != separator_ && !ends_row(); ++at) row.back().push_back(rest_[at]);
    }
    if (at == rest_.size() || ends_row()) break;
    ++at;
    row.emplace_back();
  }
  if (at < rest_.size()) ++next_line_;
  at = std::min(at + (at < rest_.size() && rest_[at] == '\r' ? 2 : 1), rest_.size());
  rest_.remove_prefix(at);
  return row;
}

}  // namespace attend
