// What the readers of all forms hand their pictures and captions to: checked, counted and put into a Dataset.
#pragma once

#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/json.h"
#include "data/dataset.h"
#include "data/picture_id.h"

namespace attend {

/// What is wrong with one sort of entry, by kind.
class Faults {
 public:
  explicit Faults(bool keep_all) : most_(keep_all ? SIZE_MAX : kMostSaid) {}
  void add(const std::string& kind, std::string who);
  int64_t total() const { return total_; }
  /// "files missing: 12 (a.jpg, b.jpg, c.jpg, …); malformed: 1 (images[7]: no id)"
  std::string text() const;
  /// All of them, where all were kept.
  void move_to(Findings& findings);

 private:
  static constexpr size_t kMostSaid = 3;
  struct Kind {
    int64_t count = 0;
    std::vector<std::string> first;
  };
  size_t most_;
  int64_t total_ = 0;
  std::map<std::string, Kind> kinds_;
};

/// An entry that hasn't the form it needs; the message says what is wrong.
struct Malformed {
  std::string what;
};

/// The id under the first of `keys` that is there. Throws Malformed.
PictureId id_of(const Json& entry, std::initializer_list<const char*> keys);
/// The string under the first of `keys` that is there, or nothing. Throws Malformed where it is no string.
std::optional<std::string> text_of(const Json& entry, std::initializer_list<const char*> keys);
/// "train", "val" or "test" for what people call them (training, restval, validation, dev, …); other names as they are.
std::string split_name(std::string name);

/// Takes in one file or folder, after which finish() says what was wrong or throws.
class Collector {
 public:
  static constexpr int64_t kLeftOut = -1;

  /// `names`: the picture files of what was read before, which none may use again. With `findings` faults go there: any
  /// number of them, each named.
  Collector(std::filesystem::path source, std::filesystem::path images, double max_faulty, Dataset& dataset,
            std::unordered_set<std::string>& names, Findings* findings = nullptr);

  const std::filesystem::path& source() const { return source_; }
  const std::filesystem::path& images() const { return images_; }
  void set_images(std::filesystem::path images) { images_ = std::move(images); }

  /// Notes that a picture comes; returns how many came before.
  int64_t see_picture() { return pictures_seen_++; }
  /// False, and a fault, where another picture has this id.
  bool claim(const PictureId& id);
  /// The picture of a claimed id, or kLeftOut and a fault. `known`: nobody need look whether the file is there.
  int64_t add_picture(PictureId id, const std::filesystem::path& name, std::string split, bool known = false);
  /// Sets the split of a picture that has none; another is a fault.
  void set_split(int64_t picture, const std::string& split);
  /// One line, trimmed, without marks; one without a word is a fault. `picture` may be kLeftOut.
  void add_caption(int64_t picture, std::string caption, const std::string& origin, const std::string& place);
  /// The number of an annotation's origin in Dataset::origins.
  uint32_t origin_of(const std::string& origin);
  /// What add_caption() makes of a text, or nothing and a fault.
  std::optional<std::string> clean(std::string caption, const std::string& place);
  void append_caption(int64_t picture, std::string caption, uint32_t origin);
  /// The picture with this id or file name, or kLeftOut and, where there never was one, a fault of this kind.
  int64_t find(const PictureId& id, const std::string& place, bool of_captions, const char* unknown);

  void picture_fault(const std::string& kind, const std::string& who) { picture_faults_.add(kind, who); }
  void caption_fault(const std::string& kind, const std::string& who) { caption_faults_.add(kind, who); }
  void see_caption() { ++captions_seen_; }
  int64_t pictures_seen() const { return pictures_seen_; }
  int64_t captions_seen() const { return captions_seen_; }

  /// Settles the splits and leaves out what is of no use; without `known_splits` every split is kept. Says what was
  /// wrong.
  void finish(const std::optional<std::set<std::string>>& known_splits, const std::string& whole_split,
              bool all_splits);
  /// Whether the data say which split pictures are of; after finish().
  bool has_splits() const { return has_splits_; }

 private:
  void know_names();
  void report();
  void check(const Faults& faults, int64_t seen, const std::string& what) const;

  const std::filesystem::path source_;
  std::filesystem::path images_;
  const double max_faulty_;
  Dataset& dataset_;
  std::unordered_set<std::string>& names_;
  Findings* findings_;
  const size_t first_;  // where this source's examples begin
  PictureIndex index_;  // → example, or kLeftOut
  bool knows_names_ = false, has_splits_ = false;
  std::unordered_map<std::string, uint32_t> origins_;  // of this source → index of Dataset::origins
  int64_t pictures_seen_ = 0, captions_seen_ = 0, marked_ = 0, broken_ = 0;
  int looked_near_ = 0;
  std::map<std::string, int64_t> odd_;  // captions that look like what a conversion left, by what they hold
  Faults picture_faults_, caption_faults_;
};

}  // namespace attend
