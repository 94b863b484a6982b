// Which picture an entry of a captions or results file is of: ids as people write them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/options.h"

namespace attend {

/// A picture's id: a whole number, whether a file writes it as 42, 42.0 or "42", or else any text.
struct PictureId {
  int64_t number = -1;  // from 0 up; -1: the id is a text that is no number
  std::string text;     // as the file has it, where it has a string; empty otherwise

  PictureId() = default;
  PictureId(int64_t whole) : number(whole) {}

  /// Equal for equal ids: "42" for 42, 42.0, "42" and "0042".
  std::string key() const { return number >= 0 ? std::to_string(number) : text; }
  /// As the file has it, 42.0 as 42.
  Json json() const { return text.empty() ? Json(number) : Json(text); }
  /// The same for messages and tables.
  std::string said() const { return text.empty() ? std::to_string(number) : text; }
};

/// What PictureId takes, for messages.
constexpr const char* kPictureIdForm = "a whole number from 0 to 2^63-1 or a text is needed";

/// The id that `json` is, or nothing: below 0, above 2^63-1, a fraction, an empty string, no number and no string.
std::optional<PictureId> read_picture_id(const Json& json);

/// Pictures by their ids, and by the names of their files where an id is written as one ("COCO_val2014_000000000042").
class PictureIndex {
 public:
  /// False where a picture has this id already.
  bool add(const PictureId& id, int64_t picture);
  /// Another value for an id that was added.
  void set(const PictureId& id, int64_t picture) { by_id_.at(id.key()).picture = picture; }
  /// The picture's file below its folder: known by its whole name, without the folder, and without the ending too.
  void add_name(const std::filesystem::path& file, int64_t picture);

  /// The picture with this id, or else the only one with a file of this name; where no picture has an id, the one whose file's name
  /// is this number ("42.jpg", "000000000042.jpg") or has it as COCO's do; nothing if there is none. Throws
  /// InputError where a text is the number of one picture and the name of another's file.
  std::optional<int64_t> find(const PictureId& id) const;

 private:
  struct Known {
    int64_t picture;
    bool is_text;  // the id is written as a string
  };
  std::unordered_map<std::string, Known> by_id_;
  std::unordered_map<std::string, std::optional<int64_t>> by_name_;  // nothing: several have it
  std::unordered_map<int64_t, std::optional<int64_t>> by_number_;    // in files' names; nothing: several have it
};

}  // namespace attend
