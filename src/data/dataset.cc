#include "data/dataset.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <unordered_set>
#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "base/progress.h"
#include "data/hash.h"
#include "text/raw_caption.h"

namespace attend {
namespace {

/// What is wrong with one sort of entry: counted by kind, the first few named.
class Faults {
 public:
  void add(const std::string& kind, const std::string& who) {
    ++total_;
    auto& [count, first] = kinds_[kind];
    if (++count <= 3) first += (first.empty() ? "" : ", ") + who;
  }

  int64_t total() const { return total_; }

  /// "12 files missing (a.jpg, b.jpg, c.jpg, …); 1 malformed (images[7]: no id)"
  std::string text() const {
    std::string text;
    for (const auto& [kind, named] : kinds_)
      text += (text.empty() ? "" : "; ") + std::to_string(named.first) + " " + kind + " (" + named.second +
              (named.first > 3 ? ", …)" : ")");
    return text;
  }

 private:
  int64_t total_ = 0;
  std::map<std::string, std::pair<int64_t, std::string>> kinds_;
};

/// An entry that hasn't the form it needs; the message says what is wrong.
struct Malformed {
  std::string what;
};

PictureId id_of(const Json& entry, std::initializer_list<const char*> keys) {
  for (const char* key : keys) {
    const auto found = entry.find(key);
    if (found == entry.end()) continue;
    if (auto id = read_picture_id(*found)) return *std::move(id);
    throw Malformed{std::string(key) + " " + found->dump() + ": " + kPictureIdForm};
  }
  throw Malformed{std::string("no ") + *keys.begin()};
}

/// The string under the first of `keys` that is there, or nothing.
std::optional<std::string> text_of(const Json& entry, std::initializer_list<const char*> keys) {
  for (const char* key : keys) {
    const auto found = entry.find(key);
    if (found == entry.end()) continue;
    if (!found->is_string()) throw Malformed{std::string(key) + " is no string"};
    return found->get<std::string>();
  }
  return std::nullopt;
}

/// One line without blanks at its ends.
std::string one_line(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return c < ' '; }, ' ');
  const size_t first = text.find_first_not_of(' ');
  return first == std::string::npos ? "" : text.substr(first, text.find_last_not_of(' ') - first + 1);
}

/// Whether a file name stays below the folder it is joined to.
bool stays_inside(const std::filesystem::path& name) {
  return !name.empty() && name.is_relative() && name.native().find('\0') == std::string::npos &&
         std::find(name.begin(), name.end(), "..") == name.end();
}

/// Reads one captions file into a Dataset that may hold others already.
class Reader {
 public:
  /// `names`: the picture files of the files read before, which none may use again.
  Reader(std::filesystem::path file, std::filesystem::path images, double max_faulty, Dataset& dataset,
         std::unordered_set<std::string>& names)
      : file_(std::move(file)), images_(std::move(images)), max_faulty_(max_faulty), dataset_(dataset), names_(names) {}

  /// Adds the pictures of `whole_split`, or of all known splits.
  void read(std::set<std::string> known_splits, const std::string& whole_split, bool all_splits) {
    dataset_.source += (dataset_.source.empty() ? "" : ", ") + file_.string();
    const Json rest = parse();
    if (!rest.is_object() || !rest.contains("images") || !rest["images"].is_array())
      throw InputError(file_.string() +
                       ": no \"images\" list; COCO captions JSON or Karpathy's dataset JSON is needed");
    if (pictures_seen_ == 0) throw InputError(file_.string() + ": no pictures in it");
    if (rest.contains("splits")) read_split_lists(rest["splits"]);
    attach_captions();
    known_splits.insert({"train", "val", "test"});
    choose(known_splits, whole_split, all_splits);
    report();
  }

 private:
  static constexpr int64_t left_out = -1;

  struct Said {
    std::string caption;
    uint32_t origin;  // index of Dataset::origins
  };
  struct Annotation {
    PictureId picture;
    Said said;
  };

  /// Hands every entry of "images" and "annotations" on while the file is parsed and keeps only what is left of it: a
  /// tree of the whole file would take several times the memory of the result.
  Json parse() {
    const MappedFile mapped(file_);
    const auto* text = reinterpret_cast<const char*>(mapped.bytes().data());
    std::string section;
    bool in_list = false;
    const auto on_event = [&](int depth, Json::parse_event_t event, Json& value) {
      using Event = Json::parse_event_t;
      if (depth == 1 && event == Event::key) {
        section = value.get<std::string>();
        in_list = false;
      } else if (depth == 1 && event == Event::array_start) {
        in_list = section == "images" || section == "annotations";
      }
      const bool whole = event == Event::object_end || event == Event::array_end || event == Event::value;
      if (depth != 2 || !in_list || !whole) return true;
      section == "images" ? take_picture(value) : take_annotation(value);
      return false;
    };
    return parse_json({text, mapped.bytes().size()}, file_.string(), on_event);
  }

  void take_picture(const Json& entry) {
    const std::string place = "images[" + std::to_string(pictures_seen_++) + "]";
    try {
      if (!entry.is_object()) throw Malformed{"no object"};
      PictureId id = id_of(entry, {"id", "cocoid", "imgid"});
      if (!index_.add(id, left_out)) return picture_faults_.add("ids used twice", id.said());
      const auto name = text_of(entry, {"file_name", "filename"});
      if (!name) throw Malformed{"no file_name"};
      const std::filesystem::path path = std::filesystem::path(text_of(entry, {"filepath"}).value_or("")) / *name;
      if (!stays_inside(path)) return picture_faults_.add("names that leave the images folder", "\"" + *name + "\"");
      Example example{std::move(id), images_ / path, text_of(entry, {"split"}).value_or(""), {}};
      add_sentences(entry, place, example);
      std::error_code error;
      if (!images_.empty() && !std::filesystem::is_regular_file(example.picture, error))
        return picture_faults_.add("files missing", example.picture.string());
      if (!names_.insert(example.picture.lexically_normal().string()).second)
        return picture_faults_.add("file names used twice", path.string());
      if (example.split == "restval") example.split = "train";
      index_.set(example.id, static_cast<int64_t>(dataset_.examples.size()));
      dataset_.examples.push_back(std::move(example));
    } catch (const Malformed& fault) {
      picture_faults_.add("malformed", place + ": " + fault.what);
    }
  }

  /// Karpathy's form: the captions stand in the picture's own entry.
  void add_sentences(const Json& entry, const std::string& place, Example& example) {
    const auto found = entry.find("sentences");
    if (found == entry.end()) return;
    if (!found->is_array()) throw Malformed{"sentences is no list"};
    for (const auto& sentence : *found) {
      const std::string where = place + ".sentences[" + std::to_string(example.captions.size()) + "]";
      if (auto said = take_caption(sentence, "raw", where)) add_caption(std::move(*said), example);
    }
  }

  static void add_caption(Said said, Example& example) {
    example.captions.push_back(std::move(said.caption));
    example.origins.push_back(said.origin);
  }

  void take_annotation(const Json& entry) {
    const std::string place = "annotations[" + std::to_string(captions_seen_) + "]";
    auto said = take_caption(entry, "caption", place);
    if (!said) return;
    try {
      annotations_.push_back({id_of(entry, {"image_id"}), std::move(*said)});
    } catch (const Malformed& fault) {
      caption_faults_.add("malformed", place + ": " + fault.what);
    }
  }

  /// The caption of one entry, or nothing and a fault.
  std::optional<Said> take_caption(const Json& entry, const char* key, const std::string& place) {
    ++captions_seen_;
    try {
      if (!entry.is_object()) throw Malformed{"no object"};
      auto caption = text_of(entry, {key});
      if (!caption) throw Malformed{std::string("no ") + key};
      caption = one_line(std::move(*caption));
      if (take_off_marks(*caption)) ++marked_;
      if (has_word(*caption)) return Said{std::move(*caption), origin_of(entry)};
      caption_faults_.add("without a word", place);
    } catch (const Malformed& fault) {
      caption_faults_.add("malformed", place + ": " + fault.what);
    }
    return std::nullopt;
  }

  /// The number of what the entry says in "source".
  uint32_t origin_of(const Json& entry) {
    const auto found = entry.find("source");
    if (found == entry.end() || !found->is_string()) return 0;
    const auto [known, is_new] = origins_.emplace(found->get<std::string>(), dataset_.origins.size());
    if (is_new) {
      const auto before = std::find(dataset_.origins.begin(), dataset_.origins.end(), known->first);
      known->second = static_cast<uint32_t>(before - dataset_.origins.begin());
      if (before == dataset_.origins.end()) dataset_.origins.push_back(known->first);
    }
    return known->second;
  }

  /// {"train": [id or file name, …], …} for the pictures that don't name their own split.
  void read_split_lists(const Json& splits) {
    if (!splits.is_object()) throw InputError(file_.string() + ": splits: an object of lists is needed");
    for (const auto& [split, list] : splits.items()) {
      if (!list.is_array()) throw InputError(file_.string() + ": splits." + split + ": a list is needed");
      for (const auto& item : list) {
        const std::string place = "splits." + split + ": " + item.dump();
        const auto id = read_picture_id(item);
        const int64_t at = id ? find(*id, place, picture_faults_, "unknown in a split list") : left_out;
        if (!id) picture_faults_.add("unknown in a split list", place);
        if (at == left_out) continue;
        std::string& current = dataset_.examples[static_cast<size_t>(at)].split;
        if (current.empty())
          current = split == "restval" ? "train" : split;
        else if (current != split)
          picture_faults_.add("in two splits", dataset_.examples[static_cast<size_t>(at)].picture.filename().string());
      }
    }
  }

  /// From here on pictures are found by the names of their files, too.
  void know_names() {
    if (std::exchange(knows_names_, true)) return;
    for (size_t i = first_; i < dataset_.examples.size(); ++i)
      index_.add_name(images_.empty() ? dataset_.examples[i].picture
                                      : dataset_.examples[i].picture.lexically_relative(images_),
                      static_cast<int64_t>(i));
  }

  /// The example with this id, or left_out and, where there never was one, a fault of this kind at this place.
  int64_t find(const PictureId& id, const std::string& place, Faults& faults, const char* unknown) {
    if (!id.text.empty()) know_names();
    try {
      if (const auto at = index_.find(id)) return *at;
      faults.add(unknown, place);
    } catch (const InputError& fault) {
      faults.add("ambiguous", place + ": " + fault.what());
    }
    return left_out;
  }

  void attach_captions() {
    for (auto& [id, said] : annotations_) {
      const int64_t at = find(id, "image_id " + id.said(), caption_faults_, "for an unknown picture");
      if (at != left_out) add_caption(std::move(said), dataset_.examples[static_cast<size_t>(at)]);
    }
  }

  /// Settles the splits and leaves out what is of no use.
  void choose(const std::set<std::string>& known_splits, const std::string& whole_split, bool all_splits) {
    const auto first = dataset_.examples.begin() + static_cast<std::ptrdiff_t>(first_);
    const auto last = dataset_.examples.end();
    const bool has_splits = std::any_of(first, last, [](const Example& example) { return !example.split.empty(); });
    const auto is_unwanted = [&](Example& example) {
      if (!has_splits) example.split = whole_split;
      if (known_splits.count(example.split) == 0) {
        picture_faults_.add("of no known split", example.picture.filename().string() + ": \"" + example.split + "\"");
        return true;
      }
      if (captions_seen_ > 0 && example.captions.empty()) {
        picture_faults_.add("without captions", example.picture.filename().string());
        return true;
      }
      return !all_splits && example.split != whole_split;
    };
    dataset_.examples.erase(std::remove_if(first, last, is_unwanted), last);
  }

  /// Says what was wrong, or throws if it was too much.
  void report() const {
    // Captions first: pictures without captions are what faulty captions leave.
    check(caption_faults_, captions_seen_, "captions");
    check(picture_faults_, pictures_seen_, "pictures");
    std::string text = picture_faults_.text();
    if (caption_faults_.total() > 0) text += (text.empty() ? "captions: " : "; captions: ") + caption_faults_.text();
    if (!text.empty()) warn(file_.string() + ": left out: " + text);
    if (marked_ > 0)
      warn(file_.string() + ": " + std::to_string(marked_) + " of " + std::to_string(captions_seen_) +
           " captions begin or end with marks such as <start> and <end>; they are taken off, attend sets its own");
  }

  void check(const Faults& faults, int64_t seen, const std::string& what) const {
    if (static_cast<double>(faults.total()) <= max_faulty_ * static_cast<double>(seen)) return;
    throw InputError(file_.string() + ": " + std::to_string(faults.total()) + " faults in " + std::to_string(seen) +
                     " " + what + ", more than --max-faulty (" + Json(max_faulty_).dump() +
                     " of them) puts up with: " + faults.text());
  }

  const std::filesystem::path file_, images_;
  const double max_faulty_;
  Dataset& dataset_;
  std::unordered_set<std::string>& names_;
  const size_t first_ = dataset_.examples.size();  // where this file's examples begin
  PictureIndex index_;                             // → example, or left_out
  bool knows_names_ = false;
  std::vector<Annotation> annotations_;            // they may stand before the pictures they are for
  std::unordered_map<std::string, uint32_t> origins_;  // of this file → index of Dataset::origins
  int64_t pictures_seen_ = 0, captions_seen_ = 0, marked_ = 0;
  Faults picture_faults_, caption_faults_;
};

}  // namespace

std::vector<size_t> Dataset::split(const std::string& name) const {
  std::vector<size_t> indices;
  std::map<std::string, size_t> counts;
  for (size_t i = 0; i < examples.size(); ++i) {
    ++counts[examples[i].split];
    if (examples[i].split == name) indices.push_back(i);
  }
  if (!indices.empty()) return indices;
  std::string there;
  for (const auto& [other, count] : counts) there += " " + other + " (" + std::to_string(count) + ")";
  throw InputError(source + ": no pictures of split \"" + name + "\"; there are" + (there.empty() ? " none" : there));
}

uint64_t Dataset::hash() const {
  std::string all;
  for (const auto& example : examples) {
    all += std::to_string(example.source) + '\n' + example.picture.filename().string() + '\n' + example.split + '\n';
    for (size_t c = 0; c < example.captions.size(); ++c)
      all += origins[example.origins[c]] + '\t' + example.captions[c] + '\n';
  }
  return hash_bytes(all);
}

void CaptionFiles::list(OptionList& options) {
  options.add("train_captions", train_captions,
              "captions to learn from: COCO captions JSON or Karpathy's dataset JSON");
  options.add("val_captions", val_captions, "captions to validate on; empty: the same file");
  options.add("images", images, "folder that file names in the captions files start from");
  options.add("val_images", val_images, "the same for the validation captions; empty: the same folder");
  options.add("train_split", train_split, "split to learn from");
  options.add("val_split", val_split, "split to validate on");
}

void DataSource::list(OptionList& options) {
  options.add("name", name, "what it is called in messages and in the log; empty: the folder of its captions");
  CaptionFiles::list(options);
  options.add("share", share, "share of its training pictures that an epoch shows, others in every epoch",
              between(0.0001, 1));
  options.add("weight", weight, "weight of its captions' words in the loss", between(0, 1000));
}

void DataOptions::list(OptionList& options) {
  options.section("data", "Data");
  CaptionFiles::list(options);
  options.add_items("sources", sources,
                    "several sources to learn from together, in place of the files above: a list of {\"name\", "
                    "\"train_captions\", \"val_captions\", \"images\", \"val_images\", \"train_split\", \"val_split\", "
                    "\"share\" of its pictures that an epoch shows, \"weight\" of its words in the loss}");
  options.add("caption_weights", caption_weights,
              "weight in the loss of the words of annotations whose \"source\" is NAME, such as rebuilt=0.3; others have 1",
              between(0, 1000));
  options.add("sentences", sentences,
              "text file, may be gzipped: a caption a line, of no picture; see --sentence-share");
  options.add("max_faulty", max_faulty, "share of faulty pictures, and of captions, that is left out and put up with",
              between(0, 1));
}

std::vector<DataSource> DataOptions::all_sources() const {
  if (sources.empty()) {
    if (train_captions.empty()) throw UsageError("data.train_captions: say which file holds the captions to learn from");
    DataSource only;
    static_cast<CaptionFiles&>(only) = *this;
    return {only};
  }
  if (!train_captions.empty() || !val_captions.empty() || !images.empty() || !val_images.empty())
    throw UsageError("data.sources: train_captions, val_captions, images and val_images stand beside it; name the data in "
                     "one of the two ways");
  auto named = sources;
  std::set<std::string> names;
  for (auto& source : named) {
    if (source.train_captions.empty()) throw UsageError("data.sources: one has no train_captions");
    if (source.name.empty())
      source.name = std::filesystem::absolute(source.train_captions).lexically_normal().parent_path().filename().string();
    if (!names.insert(source.name).second)
      throw UsageError("data.sources: two are called " + source.name + "; give each a name of its own");
  }
  return named;
}

Dataset read_captions(const std::filesystem::path& file, const std::filesystem::path& images,
                      const std::string& whole_split, double max_faulty) {
  Dataset dataset;
  std::unordered_set<std::string> names;
  Reader(file, images, max_faulty, dataset, names).read({whole_split}, whole_split, true);
  return dataset;
}

namespace {

/// Adds the pictures of a source.
void read_source(const DataSource& source, double max_faulty, Dataset& dataset, std::unordered_set<std::string>& names) {
  const bool one_file = source.val_captions.empty() || source.val_captions == source.train_captions;
  const auto& val_images = source.val_images.empty() ? source.images : source.val_images;
  const std::set<std::string> splits{source.train_split, source.val_split};
  Reader(source.train_captions, source.images, max_faulty, dataset, names).read(splits, source.train_split, one_file);
  if (!one_file)
    Reader(source.val_captions, val_images, max_faulty, dataset, names).read(splits, source.val_split, false);
}

}  // namespace

Dataset read_dataset(const DataOptions& options) {
  Dataset dataset;
  dataset.sources.clear();
  std::unordered_set<std::string> names;
  for (const auto& source : options.all_sources()) {
    const size_t first = dataset.examples.size();
    read_source(source, options.max_faulty, dataset, names);
    bool learns = false;
    for (size_t i = first; i < dataset.examples.size(); ++i) {
      auto& example = dataset.examples[i];
      learns = learns || example.split == source.train_split;
      example.source = dataset.sources.size();
      if (options.sources.empty()) continue;
      if (example.split == source.train_split)
        example.split = options.train_split;
      else if (example.split == source.val_split)
        example.split = options.val_split;
    }
    if (!learns && !options.sources.empty())
      throw InputError(source.train_captions.string() + ": no pictures of split \"" + source.train_split + "\"");
    dataset.sources.push_back(source.name);
  }
  return dataset;
}

}  // namespace attend
