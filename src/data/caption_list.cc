#include "data/caption_list.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <fstream>

#include "base/console.h"
#include "base/error.h"
#include "base/files.h"
#include "base/printable.h"
#include "base/tar.h"
#include "data/dataset.h"
#include "data/forms.h"
#include "data/results.h"
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
class ListWriter {
 public:
  ListWriter(std::string source, fs::path images, const TakeRefusal& refuse, CaptionList& list)
      : source_(std::move(source)), images_(std::move(images)), refuse_(refuse), list_(list) {}

  /// A caption of the picture `name`, at `line` of the file.
  void add(const std::string& name, std::string caption, size_t line) {
    if (name.empty() || name.find('\0') != name.npos) return refuse(line, "no picture's name");
    if (const auto fault = caption_fault(caption); !fault.empty()) return refuse(line, name + ": " + fault);
    list_.pictures.add(images_ / fs::path(name), std::move(caption));
    ++list_.captions;
  }

  void refuse(size_t line, const std::string& why) {
    ++list_.captions, ++list_.refused;
    refuse_(source_ + (line > 0 ? ":" + std::to_string(line) : "") + ": " + why);
  }

 private:
  const std::string source_;
  const fs::path images_;
  const TakeRefusal& refuse_;
  CaptionList& list_;
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

void add_line(const std::string& text, size_t line, const std::string& source, ListWriter& to) {
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

/// A text file, of which a part is in memory.
class TextFile {
 public:
  explicit TextFile(const fs::path& file) : name_(file.string()), file_(file, std::ios::binary) {
    std::error_code ignored;
    if (!file_ || fs::is_directory(file, ignored)) read_file(file);  // which says why
    more();
    if (text_.starts_with("\xff\xfe") || text_.starts_with("\xfe\xff"))
      throw InputError(name_ + ": is UTF-16, as PowerShell's > writes it; save it as UTF-8");
    if (text_.starts_with("\xef\xbb\xbf")) at_ = 3;
  }

  /// What was read and not taken yet.
  std::string_view rest() const { return std::string_view(text_).substr(at_); }
  void take(size_t count) { at_ += count; }
  /// Reads more of it; false at its end.
  bool more() {
    text_.erase(0, at_);
    at_ = 0;
    const size_t before = text_.size(), step = std::max(kStep, before);
    text_.resize(before + step);
    file_.read(text_.data() + before, static_cast<std::streamsize>(step));
    if (file_.bad()) throw InputError(name_ + ": can't be read to its end");
    text_.resize(before + static_cast<size_t>(file_.gcount()));
    return text_.size() > before;
  }
  /// The next line, without its end, or nothing behind the last.
  std::optional<std::string_view> line() {
    size_t end;
    while ((end = rest().find('\n')) == std::string_view::npos)
      if (!more()) break;
    if (rest().empty()) return std::nullopt;
    const auto one = rest().substr(0, end);
    take(std::min(one.size() + 1, rest().size()));
    return one;
  }

 private:
  static constexpr size_t kStep = size_t{1} << 18;
  const std::string name_;
  std::ifstream file_;
  std::string text_;
  size_t at_ = 0;
};

void read_lines(TextFile& text, const std::string& source, ListWriter& to) {
  size_t number = 0;
  while (const auto line = text.line()) {
    ++number;
    if (!std::all_of(line->begin(), line->end(), [](char c) { return std::isspace(static_cast<unsigned char>(c)); }))
      add_line(std::string(*line), number, source, to);
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

/// Rows of a table that needn't be in memory.
class TableFile {
 public:
  TableFile(TextFile& text, char separator) : text_(text), separator_(separator) {}

  std::optional<std::vector<std::string>> next() {
    for (;;) {
      TableReader reader(text_.rest(), separator_);
      std::optional<std::vector<std::string>> row;
      try {
        row = reader.next();
      } catch (const InputError&) {
        if (text_.more()) continue;  // a quote may be closed there
        line_ = before_ + reader.line();
        throw;
      }
      if (reader.left() == 0 && text_.more()) continue;
      line_ = before_ + reader.line();
      const auto taken = text_.rest().substr(0, text_.rest().size() - reader.left());
      before_ += static_cast<size_t>(std::count(taken.begin(), taken.end(), '\n'));
      text_.take(taken.size());
      return row;
    }
  }
  /// As TableReader has it.
  size_t line() const { return line_; }

 private:
  TextFile& text_;
  const char separator_;
  size_t before_ = 0, line_ = 0;  // lines that were taken; the last row's
};

/// What stands between the cells of a table: a comma or a tab by its ending, another where the first line names the columns so.
char separator_of(std::string_view text, char usual) {
  const auto first = text.substr(0, text.find_first_of("\r\n"));
  for (const char separator : {usual, ',', '\t', ';', '|'}) {
    std::optional<std::vector<std::string>> header;
    try {
      header = TableReader(first, separator).next();
    } catch (const InputError&) {
    }
    if (header && column_of(*header, kFileKeys) < header->size() && column_of(*header, kCaptionKeys) < header->size())
      return separator;
  }
  return usual;
}

void read_table(TextFile& text, char usual, const std::string& source, ListWriter& to) {
  TableFile table(text, separator_of(text.rest(), usual));
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
void read_tabs(TextFile& text, ListWriter& to) {
  size_t number = 0;
  while (auto line = text.line()) {
    ++number;
    if (line->ends_with('\r')) line->remove_suffix(1);
    const size_t tab = line->find('\t');
    if (line->empty()) continue;
    if (tab == line->npos)
      to.refuse(number, "no tab between a picture and its caption");
    else
      to.add(std::string(line->substr(0, tab)), std::string(line->substr(tab + 1)), number);
  }
}

void read_dataset_file(const fs::path& file, const fs::path& images, const TakeRefusal& refuse, CaptionList& list) {
  Findings findings;
  WholeDataset whole = read_everything(file, images, 1, &findings);
  const auto refused = [&](const std::string& why) {
    ++list.captions, ++list.refused;
    refuse(why);
  };
  for (const auto& [kind, entries] : findings) {
    if (kind.starts_with("captions with marks")) continue;  // which are taken off
    for (const auto& entry : entries) refused(file.string() + ": " + kind + ": " + entry);
  }
  const bool named = findings.count("without captions") > 0;
  for (auto& example : whole.dataset.examples) {
    list.captions += example.captions.size();
    if (!example.captions.empty())
      list.pictures.add({std::move(example.picture), std::move(example.captions)});
    else if (!named)
      refused(example.picture.string() + ": has no captions in " + file.string());
  }
}

void read_web_dataset_file(const fs::path& file, const TakeRefusal& refuse, CaptionList& list) {
  ListWriter writer(file.string(), {}, refuse, list);
  read_web_samples(file, [&](const WebSample& sample) {
    if (!sample.fault.empty()) return writer.refuse(0, sample.fault);
    if (sample.picture.empty()) return writer.refuse(0, sample.place() + ": captions without a picture");
    const auto picture = sample.tar / sample.picture;
    if (sample.record.captions.empty()) writer.refuse(0, picture.string() + ": no captions");
    for (const auto& caption : sample.record.captions) writer.add(picture.string(), caption, 0);
  });
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

CaptionList read_caption_list(const fs::path& file, const fs::path& images, const TakeRefusal& refuse) {
  const std::string ending = lower(file.extension().string());
  const bool lines = ending == ".jsonl" || ending == ".ndjson";
  CaptionList list;
  std::error_code ignored;
  if (is_tar_name(file) || fs::is_directory(file, ignored)) {
    const auto form = form_of(file);
    form.form == Form::kWebDataset ? read_web_dataset_file(form.file, refuse, list)
                                   : read_dataset_file(file, images, refuse, list);
    if (list.captions == 0) throw InputError(file.string() + ": no captions in it");
    return list;
  }
  if (ending == ".json" || ending == ".token" || (ending == ".txt" && form_of(file).form == Form::kTokens)) {
    read_dataset_file(file, images, refuse, list);
    return list;
  }
  if (!fs::exists(file, ignored)) throw InputError(file.string() + ": No such file or directory");
  if (!lines && ending != ".csv" && ending != ".tsv" && ending != ".txt")
    throw InputError(file.string() +
                     ": captions are read from folders and from .json (COCO, Karpathy), .tar, .jsonl, .csv, .tsv and "
                     ".txt files; its ending says which");
  TextFile text(file);
  ListWriter writer(file.string(), images, refuse, list);
  if (lines)
    read_lines(text, file.string(), writer);
  else if (ending == ".txt")
    read_tabs(text, writer);
  else
    read_table(text, ending == ".csv" ? ',' : '\t', file.string(), writer);
  if (list.captions == 0) throw InputError(file.string() + ": no captions in it");
  return list;
}

CaptionList read_result_captions(const fs::path& file, const PictureIndex& index, const std::vector<fs::path>& pictures,
                                 const TakeRefusal& refuse) {
  CaptionList list;
  std::vector<bool> has_caption(pictures.size());
  size_t others = 0;
  auto results = read_results(file);
  for (size_t i = 0; i < results.size(); ++i) {
    const auto picture = index.find(results[i].image_id);
    if (!picture) {
      ++others;
      continue;
    }
    has_caption[static_cast<size_t>(*picture)] = true;
    ++list.captions;
    if (const auto fault = caption_fault(results[i].caption); !fault.empty()) {
      ++list.refused;
      refuse(file.string() + ": [" + std::to_string(i) + "]: " + fault);
    } else {
      list.pictures.add(pictures[static_cast<size_t>(*picture)], std::move(results[i].caption));
    }
  }
  if (list.captions == 0)
    throw InputError(file.string() + ": none of its " + counted(results.size(), "caption") +
                     " is of a picture that is named; image_id " +
                     (results.empty() ? "" : printable(results.front().image_id.said()) + ", the first, ") +
                     "is looked for among ids and file names");
  if (others > 0)
    note(file.string() + ": " + counted_of(others, results.size(), "caption") +
         " left out: of pictures that aren't named");
  for (size_t i = 0; i < pictures.size(); ++i)
    if (!has_caption[i]) {
      ++list.captions, ++list.refused;
      refuse(pictures[i].string() + ": has no caption in " + file.string());
    }
  return list;
}

CaptionList read_sidecars(const std::vector<fs::path>& pictures, const TakeRefusal& refuse) {
  CaptionList list;
  const auto refused = [&](const std::string& why) {
    ++list.captions, ++list.refused;
    refuse(why);
  };
  for (const auto& picture : pictures) {
    fs::path sidecar = fs::path(picture) += ".txt";  // of pictures that share a name but for its ending
    std::error_code ignored;
    if (!fs::exists(sidecar, ignored)) sidecar = fs::path(picture).replace_extension(".txt");
    std::string text;
    try {
      text = read_file(sidecar);
    } catch (const InputError& error) {
      refused(picture.string() + ": no captions beside it: " + error.what());
      continue;
    }
    const size_t before = list.captions;
    ListWriter writer(sidecar.string(), {}, refuse, list);
    std::string_view rest = text;
    for (size_t line = 1; !rest.empty(); ++line) {
      const size_t length = std::min(rest.find('\n'), rest.size());
      std::string one(rest.substr(0, length));
      rest.remove_prefix(std::min(length + 1, rest.size()));
      if (!std::all_of(one.begin(), one.end(), is_blank)) writer.add(picture.string(), std::move(one), line);
    }
    if (list.captions == before) refused(picture.string() + ": no captions in " + sidecar.string());
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
