// Options: a plain struct a concern, and one list of its fields from which JSON, flags and help all come.
//
//   struct DecodeOptions {
//     int beam_width = 5;
//     void list(OptionList& options) {
//       options.section("decode", "Decoding");
//       options.add("beam_width", beam_width, "captions kept alive at each word; 1 is greedy", between(1, 1000));
//     }
//   };
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace attend {

using Json = nlohmann::ordered_json;

/// What a value must satisfy beside its type; the defaults ask nothing.
struct Allowed {
  double least = -std::numeric_limits<double>::infinity();
  double most = std::numeric_limits<double>::infinity();
  std::vector<std::string> choices;
};

/// Numbers from `least` to `most`, both included.
Allowed between(double least, double most);
/// Numbers from `least` up.
Allowed at_least(double least);
/// One of these words.
Allowed one_of(std::vector<std::string> choices);

/// The fields of one or more option structs, bound to the values they name.
/// The structs must outlive the list. Keys are unique within a section, flags within a list.
class OptionList {
 public:
  /// A list of structs that list their own fields: a key of the JSON without a flag.
  struct Items {
    /// Checks `json` and returns what takes it over; `where` stands at the head of errors, paths start from `folder`.
    std::function<std::function<void()>(const Json& json, const std::string& source, const std::string& where,
                                        const std::filesystem::path& folder)>
        read;
    std::function<Json(bool absolute)> json;
  };
  using Target =
      std::variant<bool*, int*, int64_t*, double*, std::string*, std::filesystem::path*, std::vector<std::string>*,
                   std::vector<std::filesystem::path>*, std::map<std::string, double>*, Items>;

  struct Field {
    std::string section;  // "" for a field that is a flag only
    std::string key;      // "beam_width"
    std::string flag;     // "beam-width"; "" for a list of structs
    Target target;
    std::string help;
    Allowed allowed;
    std::string default_text;  // its value when it was added
    std::string title;         // what it stands under in --help
  };

  /// Fields added from here on are JSON keys below `name` and stand under `title` in --help; their flags are
  /// `--<flag_prefix><key>` with dashes. An empty name makes fields that are flags only.
  void section(std::string name, std::string title, std::string flag_prefix = "");

  template <class T>
  void add(std::string key, T& value, std::string help, Allowed allowed = {}) {
    add_field(std::move(key), Target(&value), std::move(help), std::move(allowed));
  }

  /// A list of structs of type T: each one's T::list(OptionList&) adds its fields, which are the keys of an object.
  template <class T>
  void add_items(std::string key, std::vector<T>& items, std::string help) {
    add_field(std::move(key),
              Items{[&items](const Json& json, const std::string& source, const std::string& where,
                             const std::filesystem::path& folder) -> std::function<void()> {
                      std::vector<T> read(check_items(json, source, where));
                      for (size_t i = 0; i < read.size(); ++i) {
                        const std::string section = where + "[" + std::to_string(i) + "]";
                        fields_of(read[i], section).read_json(Json{{section, json[i]}}, source, folder);
                      }
                      return [&items, read = std::move(read)] { items = read; };
                    },
                    [&items](bool absolute) {
                      Json list = Json::array();
                      for (auto& item : items) list.push_back(fields_of(item, "item").to_json(absolute)["item"]);
                      return list;
                    }},
              std::move(help), {});
  }

  /// Sets the fields named in `json` ({"decode": {"beam_width": 5}}). `source` names the file in errors; relative paths
  /// start from `folder`. Throws UsageError on an unknown section or key, a wrong type, a fraction for an integer, a value
  /// out of range; then no field has changed.
  void read_json(const Json& json, const std::string& source, const std::filesystem::path& folder = {});

  /// All fields that have a section, in the order they were added. absolute: paths mean the same wherever they are read.
  Json to_json(bool absolute = false) const;

  /// Sets one field from the text of a flag; a list becomes that one value or, with `append`, gains it. An unknown
  /// flag or a value that doesn't fit throws UsageError. A field of named numbers takes NAME=NUMBER.
  void set_flag(const std::string& flag, const std::string& text, bool append = false);

  /// Whether a field is a bool (its flag needs no value) or a list (its flag may be repeated).
  static bool is_switch(const Field& field);
  static bool is_list(const Field& field);

  const std::vector<Field>& fields() const { return fields_; }

  /// An object a field, for help, manual pages and completion: see describe_command().
  Json describe() const;

 private:
  void add_field(std::string key, Target target, std::string help, Allowed allowed);

  /// How many objects there are in a list of structs. Throws UsageError unless `json` is such a list.
  static size_t check_items(const Json& json, const std::string& source, const std::string& where);
  template <class T>
  static OptionList fields_of(T& item, const std::string& section) {
    OptionList fields;
    fields.section(section, "");
    item.list(fields);
    return fields;
  }

  std::vector<Field> fields_;
  std::string section_, prefix_, title_;
};

/// `text` broken into lines that fit a terminal; lines after the first begin with `indent` spaces, the first is taken
/// to start in that column. Runs of white space become one space.
std::string wrap(const std::string& text, size_t indent);

}  // namespace attend
