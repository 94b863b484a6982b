#include "data/collector.h"

#include <algorithm>
#include <system_error>

#include "base/archive.h"
#include "base/console.h"
#include "base/error.h"
#include "base/nearest.h"
#include "base/printable.h"
#include "text/raw_caption.h"
#include "text/unicode.h"

namespace attend {
namespace {

/// One line without blanks at its ends. `was_broken`: tabs or line breaks within it became blanks.
std::string one_line(const std::string& text, bool& was_broken) {
  const auto is_blank = [](unsigned char c) { return c <= ' '; };
  const auto first = std::find_if_not(text.begin(), text.end(), is_blank);
  std::string line(first, std::find_if_not(text.rbegin(), std::make_reverse_iterator(first), is_blank).base());
  for (char& c : line)
    if (static_cast<unsigned char>(c) < ' ') c = ' ', was_broken = true;
  return line;
}

/// Whether a file name stays below the folder it is joined to.
bool stays_inside(const std::filesystem::path& name) {
  return !name.empty() && name.is_relative() && name.native().find('\0') == std::string::npos &&
         std::find(name.begin(), name.end(), "..") == name.end();
}

/// A file, or a file in an archive.
bool is_there(const std::filesystem::path& picture) {
  std::error_code error;
  if (std::filesystem::is_regular_file(picture, error)) return true;
  try {
    return read_archive_member(picture, 0).has_value();
  } catch (const InputError&) {
    return false;
  }
}

bool is_utf8(std::string_view text) {
  constexpr std::string_view kReplacement = "\xef\xbf\xbd";
  for (size_t at = 0; at < text.size();)
    if (const size_t start = at; next_code_point(text, at) == 0xfffd && text.substr(start, 3) != kReplacement)
      return false;
  return true;
}

}  // namespace

void Faults::add(const std::string& kind, std::string who) {
  ++total_;
  auto& entry = kinds_[kind];
  ++entry.count;
  if (entry.first.size() < most_) entry.first.push_back(std::move(who));
}

std::string Faults::text() const {
  std::string text;
  for (const auto& [kind, entry] : kinds_) {
    std::string named;
    for (size_t i = 0; i < std::min(entry.first.size(), kMostSaid); ++i) named += (i ? ", " : "") + entry.first[i];
    text += (text.empty() ? "" : "; ") + kind + ": " + std::to_string(entry.count) + " (" + named +
            (entry.count > static_cast<int64_t>(kMostSaid) ? ", …)" : ")");
  }
  return text;
}

void Faults::move_to(Findings& findings) {
  for (auto& [kind, entry] : kinds_) {
    auto& found = findings[kind];
    found.insert(found.end(), std::make_move_iterator(entry.first.begin()), std::make_move_iterator(entry.first.end()));
  }
}

PictureId id_of(const Json& entry, std::initializer_list<const char*> keys) {
  for (const char* key : keys) {
    const auto found = entry.find(key);
    if (found == entry.end()) continue;
    if (auto id = read_picture_id(*found)) return *std::move(id);
    throw Malformed{std::string(key) + " " + found->dump() + ": " + kPictureIdForm};
  }
  throw Malformed{std::string("no ") + *keys.begin()};
}

std::optional<std::string> text_of(const Json& entry, std::initializer_list<const char*> keys) {
  for (const char* key : keys) {
    const auto found = entry.find(key);
    if (found == entry.end()) continue;
    if (!found->is_string()) throw Malformed{std::string(key) + " is no string"};
    return found->get<std::string>();
  }
  return std::nullopt;
}

std::string split_name(std::string name) {
  std::string lower = name;
  for (char& letter : lower) letter = static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
  if (lower == "restval" || lower == "training" || lower == "train")
    return "train";  // restval: Karpathy and Li 2015 trained on both
  if (lower == "validation" || lower == "valid" || lower == "dev" || lower == "val") return "val";
  if (lower == "testing" || lower == "test") return "test";
  return name;
}

Collector::Collector(std::filesystem::path source, std::filesystem::path images, double max_faulty, Dataset& dataset,
                     std::unordered_set<std::string>& names, Findings* findings)
    : source_(std::move(source)),
      images_(std::move(images)),
      max_faulty_(max_faulty),
      dataset_(dataset),
      names_(names),
      findings_(findings),
      first_(dataset.examples.size()),
      picture_faults_(findings != nullptr),
      caption_faults_(findings != nullptr) {
  dataset_.source += (dataset_.source.empty() ? "" : ", ") + source_.string();
}

bool Collector::claim(const PictureId& id) {
  if (index_.add(id, kLeftOut)) return true;
  picture_faults_.add("ids used twice", id.said());
  return false;
}

int64_t Collector::add_picture(PictureId id, const std::filesystem::path& name, std::string split, bool known) {
  if (name.empty()) {
    picture_faults_.add("malformed", id.said() + ": an empty file name");
    return kLeftOut;
  }
  if (!stays_inside(name)) {
    picture_faults_.add("names that leave the images folder", "\"" + name.string() + "\"");
    return kLeftOut;
  }
  Example example{std::move(id), images_ / name, std::move(split), {}};
  if (!known && !images_.empty() && !is_there(example.picture)) {
    constexpr int kMostLooked = 20;  // each looks through a folder
    const auto near = looked_near_++ < kMostLooked ? near_file(example.picture) : "";
    picture_faults_.add("files missing", example.picture.string() + near);
    return kLeftOut;
  }
  if (!names_.insert(example.picture.lexically_normal().string()).second) {
    picture_faults_.add("file names used twice", name.string());
    return kLeftOut;
  }
  const auto at = static_cast<int64_t>(dataset_.examples.size());
  index_.set(example.id, at);
  dataset_.examples.push_back(std::move(example));
  return at;
}

void Collector::set_split(int64_t picture, const std::string& split) {
  if (picture == kLeftOut) return;
  auto& example = dataset_.examples[static_cast<size_t>(picture)];
  if (example.split.empty())
    example.split = split;
  else if (example.split != split)
    picture_faults_.add("in two splits", example.picture.filename().string());
}

std::optional<std::string> Collector::clean(std::string caption, const std::string& place) {
  if (caption.find('\0') != caption.npos) {
    caption_faults_.add("with a NUL byte", place);
    return std::nullopt;
  }
  bool was_broken = false;
  caption = one_line(caption, was_broken);
  broken_ += was_broken;
  if (!is_utf8(caption)) {
    caption_faults_.add("not in UTF-8", place);
    return std::nullopt;
  }
  if (take_off_marks(caption)) {
    ++marked_;
    if (findings_) (*findings_)["captions with marks such as <start> and <end>"].push_back(place);
  }
  if (const auto odd = leftover(caption); !odd.empty()) {
    ++odd_[odd];
    if (findings_) (*findings_)["captions with " + odd].push_back(place + ": " + quote(caption));
  }
  if (has_word(caption)) return caption;
  caption_faults_.add("without a word", place);
  return std::nullopt;
}

void Collector::append_caption(int64_t picture, std::string caption, uint32_t origin) {
  if (picture == kLeftOut) return;
  auto& example = dataset_.examples[static_cast<size_t>(picture)];
  example.captions.push_back(std::move(caption));
  example.origins.push_back(origin);
}

void Collector::add_caption(int64_t picture, std::string caption, const std::string& origin, const std::string& place) {
  see_caption();
  if (auto text = clean(std::move(caption), place)) append_caption(picture, *std::move(text), origin_of(origin));
}

uint32_t Collector::origin_of(const std::string& origin) {
  if (origin.empty()) return 0;
  const auto [known, is_new] = origins_.emplace(origin, dataset_.origins.size());
  if (is_new) {
    const auto before = std::find(dataset_.origins.begin(), dataset_.origins.end(), known->first);
    known->second = static_cast<uint32_t>(before - dataset_.origins.begin());
    if (before == dataset_.origins.end()) dataset_.origins.push_back(known->first);
  }
  return known->second;
}

/// From here on pictures are found by the names of their files, too.
void Collector::know_names() {
  if (std::exchange(knows_names_, true)) return;
  for (size_t i = first_; i < dataset_.examples.size(); ++i)
    index_.add_name(
        images_.empty() ? dataset_.examples[i].picture : dataset_.examples[i].picture.lexically_relative(images_),
        static_cast<int64_t>(i));
}

int64_t Collector::find(const PictureId& id, const std::string& place, bool of_captions, const char* unknown) {
  Faults& faults = of_captions ? caption_faults_ : picture_faults_;
  if (!id.text.empty()) know_names();
  try {
    if (const auto at = index_.find(id)) return *at;
    faults.add(unknown, place);
  } catch (const InputError& fault) {
    faults.add("ambiguous", place + ": " + fault.what());
  }
  return kLeftOut;
}

void Collector::finish(const std::optional<std::set<std::string>>& known_splits, const std::string& whole_split,
                       bool all_splits) {
  if (pictures_seen_ == 0) throw InputError(source_.string() + ": no pictures in it");
  const auto first = dataset_.examples.begin() + static_cast<std::ptrdiff_t>(first_);
  const auto last = dataset_.examples.end();
  has_splits_ = std::any_of(first, last, [](const Example& example) { return !example.split.empty(); });
  const auto is_unwanted = [&](Example& example) {
    if (!has_splits_) example.split = whole_split;
    if (known_splits && known_splits->count(example.split) == 0) {
      picture_faults_.add("of no known split", example.picture.filename().string() + ": \"" + example.split + "\"");
      return true;
    }
    if (captions_seen_ > 0 && example.captions.empty()) {
      picture_faults_.add("without captions", example.picture.filename().string());
      return findings_ == nullptr;
    }
    return !all_splits && example.split != whole_split;
  };
  dataset_.examples.erase(std::remove_if(first, last, is_unwanted), last);
  report();
}

/// Says what was wrong, or throws if it was too much.
void Collector::report() {
  if (findings_) {
    picture_faults_.move_to(*findings_);
    caption_faults_.move_to(*findings_);
    return;
  }
  // Captions first: pictures without captions are what faulty captions leave.
  check(caption_faults_, captions_seen_, "caption");
  check(picture_faults_, pictures_seen_, "picture");
  std::string text = picture_faults_.text();
  if (caption_faults_.total() > 0) text += (text.empty() ? "captions: " : "; captions: ") + caption_faults_.text();
  if (!text.empty()) warn(source_.string() + ": left out: " + text);
  if (broken_ > 0)
    note(source_.string() + ": " +
         counted_of(static_cast<size_t>(broken_), static_cast<size_t>(captions_seen_), "caption") +
         " with tabs or line breaks in it, which count as blanks");
  if (marked_ > 0)
    warn(source_.string() + ": " +
         counted_of(static_cast<size_t>(marked_), static_cast<size_t>(captions_seen_), "caption") +
         " with marks such as <start> and <end> at its ends; they are taken off, attend sets its own");
  for (const auto& [what, count] : odd_)
    warn(source_.string() + ": " +
         counted_of(static_cast<size_t>(count), static_cast<size_t>(captions_seen_), "caption") + " with " + what +
         ", which counts as words; attend check names them");
}

void Collector::check(const Faults& faults, int64_t seen, const std::string& what) const {
  if (static_cast<double>(faults.total()) <= max_faulty_ * static_cast<double>(seen)) return;
  throw InputError(source_.string() + ": " + counted(static_cast<size_t>(faults.total()), "fault") + " in " +
                   counted(static_cast<size_t>(seen), what) + ", more than --max-faulty (" + Json(max_faulty_).dump() +
                   " of them) puts up with: " + faults.text());
}

}  // namespace attend
