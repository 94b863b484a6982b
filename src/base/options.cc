#include "base/options.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <functional>
#include <sstream>
#include <stdexcept>
#include <type_traits>

#include "base/error.h"

namespace attend {
namespace {

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <class... F>
Overloaded(F...) -> Overloaded<F...>;

std::string join(const std::vector<std::string>& words, const char* separator) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : separator) + word;
  return text;
}

/// The shortest text that reads back as the same number; whole numbers without an exponent.
std::string number_text(double value) {
  char text[32];
  const bool whole = std::trunc(value) == value && std::fabs(value) < 1e15;
  const auto end = whole ? std::to_chars(text, text + sizeof text, static_cast<int64_t>(value)).ptr
                         : std::to_chars(text, text + sizeof text, value).ptr;
  return std::string(text, end);
}

/// JSON on one line for messages; bytes that aren't UTF-8 become U+FFFD.
std::string json_text(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

/// "1 to 100", "at least 0", "one of a, b" or nothing: the range or choice of a field.
std::string limits(const Allowed& allowed) {
  if (!allowed.choices.empty()) return "one of " + join(allowed.choices, ", ");
  const bool low = std::isfinite(allowed.least), high = std::isfinite(allowed.most);
  if (low && high) return number_text(allowed.least) + " to " + number_text(allowed.most);
  if (low) return "at least " + number_text(allowed.least);
  if (high) return "at most " + number_text(allowed.most);
  return "";
}

/// "an integer, 1 to 100": what a field takes, for errors.
std::string expectation(const OptionList::Field& field) {
  const std::string what =
      std::visit(Overloaded{[](bool*) { return "true or false"; }, [](int*) { return "an integer"; },
                            [](int64_t*) { return "an integer"; }, [](double*) { return "a number"; },
                            [](std::string*) { return "a string"; }, [](std::filesystem::path*) { return "a path"; },
                            [](std::vector<std::string>*) { return "a list of strings"; },
                            [](std::vector<std::filesystem::path>*) { return "a list of paths"; },
                            [](std::map<std::string, double>*) { return "numbers by name (NAME=NUMBER)"; },
                            [](const OptionList::Items&) { return "a list of objects"; }},
                 field.target);
  const std::string limit = limits(field.allowed);
  return limit.empty() ? what : what + ", " + limit;
}

[[noreturn]] void refuse(const OptionList::Field& field, const std::string& where, const std::string& value) {
  throw UsageError(where + ": " + value + " is not allowed; it takes " + expectation(field));
}

Json value_json(const OptionList::Target& target, bool absolute = false) {
  const auto text = [&](const std::filesystem::path& path) {
    return (absolute && !path.empty() ? std::filesystem::absolute(path).lexically_normal() : path).string();
  };
  return std::visit(Overloaded{[&](std::filesystem::path* path) { return Json(text(*path)); },
                               [&](std::vector<std::filesystem::path>* paths) {
                                 Json list = Json::array();
                                 for (const auto& path : *paths) list.push_back(text(path));
                                 return list;
                               },
                               [](std::map<std::string, double>* numbers) {
                                 Json object = Json::object();
                                 for (const auto& [name, number] : *numbers) object[name] = number;
                                 return object;
                               },
                               [&](const OptionList::Items& items) { return items.json(absolute); },
                               [](auto* value) { return Json(*value); }},
                    target);
}

/// The value as a user would type it.
std::string value_text(const OptionList::Target& target) {
  const Json json = value_json(target);
  if (json.is_string()) return json.get<std::string>();
  if (json.is_object()) {
    std::string text;
    for (const auto& [name, number] : json.items())
      text += (text.empty() ? "" : " ") + name + "=" + number_text(number.get<double>());
    return text;
  }
  if (std::holds_alternative<OptionList::Items>(target)) return "";
  if (json.is_array()) {
    std::string text;
    for (const auto& item : json) text += (text.empty() ? "" : " ") + item.get<std::string>();
    return text;
  }
  if (json.is_number_float()) return number_text(json.get<double>());
  return json_text(json);
}

void check_range(const OptionList::Field& field, const std::string& where, double value) {
  if (!std::isfinite(value) || value < field.allowed.least || value > field.allowed.most)
    refuse(field, where, number_text(value));
}

void check_choice(const OptionList::Field& field, const std::string& where, const std::string& value) {
  const auto& choices = field.allowed.choices;
  if (!choices.empty() && std::find(choices.begin(), choices.end(), value) == choices.end())
    refuse(field, where, json_text(Json(value)));
}

/// Checks `json` against the field and returns what writes it to the target. Throws with the file `source`, if it comes from
/// one, and `where` at the head of the message. Relative paths start from `folder`.
std::function<void()> assignment(const OptionList::Field& field, const Json& json, const std::string& source,
                                 const std::string& place, const std::filesystem::path& folder) {
  const std::string where = source.empty() ? place : source + ": " + place;
  const auto set = [](auto* target, auto value) -> std::function<void()> {
    return [target, value = std::move(value)] { *target = value; };
  };
  const auto integer = [&](auto* target) {
    using Integer = std::remove_pointer_t<decltype(target)>;
    if (!json.is_number_integer()) refuse(field, where, json_text(json));
    const bool fits = json.is_number_unsigned()
                          ? json.get<uint64_t>() <= static_cast<uint64_t>(std::numeric_limits<Integer>::max())
                          : json.get<int64_t>() >= std::numeric_limits<Integer>::min() &&
                                json.get<int64_t>() <= std::numeric_limits<Integer>::max();
    if (!fits) refuse(field, where, json_text(json));
    check_range(field, where, json.get<double>());
    return set(target, json.get<Integer>());
  };
  const auto from_folder = [&](const std::filesystem::path& path) {
    return path.empty() || folder.empty() || path.is_absolute() ? path : (folder / path).lexically_normal();
  };
  const auto strings = [&](auto* target) {
    if (!json.is_array()) refuse(field, where, json_text(json));
    std::remove_pointer_t<decltype(target)> list;
    for (const auto& item : json) {
      if (!item.is_string()) refuse(field, where, json_text(item));
      check_choice(field, where, item.get<std::string>());
      list.emplace_back(item.get<std::string>());
      if constexpr (std::is_same_v<decltype(target), std::vector<std::filesystem::path>*>)
        list.back() = from_folder(list.back());
    }
    return set(target, std::move(list));
  };
  return std::visit(
      Overloaded{[&](bool* target) {
                   if (!json.is_boolean()) refuse(field, where, json_text(json));
                   return set(target, json.get<bool>());
                 },
                 [&](int* target) { return integer(target); }, [&](int64_t* target) { return integer(target); },
                 [&](double* target) {
                   if (!json.is_number()) refuse(field, where, json_text(json));
                   check_range(field, where, json.get<double>());
                   return set(target, json.get<double>());
                 },
                 [&](std::string* target) {
                   if (!json.is_string()) refuse(field, where, json_text(json));
                   check_choice(field, where, json.get<std::string>());
                   return set(target, json.get<std::string>());
                 },
                 [&](std::filesystem::path* target) {
                   if (!json.is_string()) refuse(field, where, json_text(json));
                   return set(target, from_folder(json.get<std::string>()));
                 },
                 [&](std::vector<std::string>* target) { return strings(target); },
                 [&](std::vector<std::filesystem::path>* target) { return strings(target); },
                 [&](std::map<std::string, double>* target) {
                   if (!json.is_object()) refuse(field, where, json_text(json));
                   std::map<std::string, double> numbers;
                   for (const auto& [name, number] : json.items()) {
                     if (!number.is_number()) refuse(field, where + "." + name, json_text(number));
                     check_range(field, where + "." + name, number.get<double>());
                     numbers[name] = number.get<double>();
                   }
                   return set(target, std::move(numbers));
                 },
                 [&](const OptionList::Items& items) { return items.read(json, source, place, folder); }},
      field.target);
}

template <class Number>
bool parse_number(const std::string& text, Number& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

/// The JSON a flag's text stands for, given the type of its field; text that has no such reading stays a string,
/// which assign() then refuses.
Json flag_json(const OptionList::Field& field, const std::string& text) {
  if (std::holds_alternative<std::map<std::string, double>*>(field.target)) {
    const size_t equals = text.rfind('=');
    double value;
    if (equals == std::string::npos || !parse_number(text.substr(equals + 1), value)) return Json(text);
    return Json{{text.substr(0, equals), value}};
  }
  const bool is_bool = std::holds_alternative<bool*>(field.target);
  const bool is_int = std::holds_alternative<int*>(field.target) || std::holds_alternative<int64_t*>(field.target);
  const bool is_double = std::holds_alternative<double*>(field.target);
  if (is_bool && (text == "true" || text == "false")) return Json(text == "true");
  if (int64_t value; is_int && parse_number(text, value)) return Json(value);
  if (double value; is_double && parse_number(text, value)) return Json(value);
  return Json(text);
}

/// What stands for the value in help.
const char* placeholder(const OptionList::Target& target) {
  return std::visit(Overloaded{[](bool*) { return ""; }, [](int*) { return "N"; }, [](int64_t*) { return "N"; },
                               [](double*) { return "X"; }, [](std::string*) { return "WORD"; },
                               [](std::vector<std::string>*) { return "WORD"; },
                               [](std::map<std::string, double>*) { return "NAME=X"; },
                               [](const OptionList::Items&) { return ""; }, [](auto*) { return "PATH"; }},
                    target);
}

}  // namespace

Allowed between(double least, double most) { return {least, most, {}}; }
Allowed at_least(double least) { return {least, std::numeric_limits<double>::infinity(), {}}; }
Allowed one_of(std::vector<std::string> choices) {
  Allowed allowed;
  allowed.choices = std::move(choices);
  return allowed;
}

void OptionList::section(std::string name, std::string title, std::string flag_prefix) {
  section_ = std::move(name);
  title_ = std::move(title);
  prefix_ = std::move(flag_prefix);
}

void OptionList::add_field(std::string key, Target target, std::string help, Allowed allowed) {
  std::string flag = std::holds_alternative<Items>(target) ? "" : prefix_ + key;
  std::replace(flag.begin(), flag.end(), '_', '-');
  for (const auto& field : fields_)
    if ((!flag.empty() && field.flag == flag) || (!section_.empty() && field.section == section_ && field.key == key))
      throw std::logic_error("two options are called --" + flag + " or " + section_ + "." + key);
  fields_.push_back(
      {section_, std::move(key), flag, target, std::move(help), std::move(allowed), value_text(target), title_});
}

void OptionList::read_json(const Json& json, const std::string& source, const std::filesystem::path& folder) {
  if (!json.is_object()) throw UsageError(source + ": must be a JSON object of sections");
  std::vector<std::function<void()>> assignments;  // run at the end: a file with a fault changes nothing
  for (const auto& [section, members] : json.items()) {
    std::vector<std::string> sections, keys;
    for (const auto& field : fields_) {
      if (!field.section.empty() && std::find(sections.begin(), sections.end(), field.section) == sections.end())
        sections.push_back(field.section);
      if (field.section == section) keys.push_back(field.key);
    }
    if (section.empty() || keys.empty())
      throw UsageError(source + ": unknown section " + json_text(section) + "; known: " + join(sections, ", "));
    if (!members.is_object()) throw UsageError(source + ": " + section + ": must be a JSON object");
    for (const auto& [key, value] : members.items()) {
      const auto found =
          std::find_if(fields_.begin(), fields_.end(), [&, &name = section, &wanted = key](const Field& field) {
            return field.section == name && field.key == wanted;
          });
      if (found == fields_.end())
        throw UsageError(source + ": " + section + ": unknown key " + json_text(key) + "; known: " + join(keys, ", "));
      assignments.push_back(assignment(*found, value, source, section + "." + key, folder));
    }
  }
  for (const auto& assign : assignments) assign();
}

Json OptionList::to_json(bool absolute) const {
  Json json = Json::object();
  for (const auto& field : fields_)
    if (!field.section.empty()) json[field.section][field.key] = value_json(field.target, absolute);
  return json;
}

size_t OptionList::check_items(const Json& json, const std::string& source, const std::string& where) {
  if (!json.is_array()) throw UsageError(source + ": " + where + ": must be a list of JSON objects");
  return json.size();
}

bool OptionList::is_switch(const Field& field) { return std::holds_alternative<bool*>(field.target); }

bool OptionList::is_list(const Field& field) {
  return std::holds_alternative<std::vector<std::string>*>(field.target) ||
         std::holds_alternative<std::vector<std::filesystem::path>*>(field.target) ||
         std::holds_alternative<std::map<std::string, double>*>(field.target);
}

void OptionList::set_flag(const std::string& flag, const std::string& text, bool append) {
  const auto field = std::find_if(fields_.begin(), fields_.end(), [&](const Field& f) { return f.flag == flag; });
  if (field == fields_.end() || flag.empty()) throw UsageError("--" + flag + ": unknown option");
  Json json = flag_json(*field, text);
  if (json.is_object() && append) {
    Json all = value_json(field->target);
    all.update(json);
    json = std::move(all);
  } else if (is_list(*field) && !json.is_object()) {
    Json list = append ? value_json(field->target) : Json::array();
    list.push_back(std::move(json));
    json = std::move(list);
  }
  assignment(*field, json, "", "--" + flag, {})();
}

Json OptionList::describe() const {
  Json list = Json::array();
  for (const auto& field : fields_) {
    const bool in_file = field.flag.empty();  // a list of structs has no flag
    const bool on = is_switch(field) && field.default_text == "true";
    std::vector<std::string> notes;
    if (const std::string limit = limits(field.allowed); !limit.empty()) notes.push_back(limit);
    if (is_list(field)) notes.push_back("may be repeated");
    if (on) notes.push_back("on by default");
    if (!is_switch(field) && !field.default_text.empty()) notes.push_back("default " + field.default_text);
    if (in_file) notes = {"in a configuration only"};
    Json& entry = list.emplace_back(Json{{"group", field.title},
                                         {"option", in_file ? field.section + "." + field.key : "--" + field.flag},
                                         {"value", placeholder(field.target)},
                                         {"can_be_negated", is_switch(field)},
                                         {"help", field.help},
                                         {"notes", join(notes, "; ")}});
    if (on) entry["on"] = true;
    if (!field.allowed.choices.empty()) entry["choices"] = field.allowed.choices;
  }
  return list;
}

std::string wrap(const std::string& text, size_t indent) {
  constexpr size_t width = 96;
  std::istringstream words(text);
  std::string out, word;
  size_t column = indent;
  while (words >> word) {
    const size_t length = static_cast<size_t>(
        std::count_if(word.begin(), word.end(), [](char c) { return (c & 0xC0) != 0x80; }));  // UTF-8 characters
    if (column > indent && column + 1 + length > width) {
      out += '\n' + std::string(indent, ' ');
      column = indent;
    } else if (column > indent) {
      out += ' ';
      ++column;
    }
    out += word;
    column += length;
  }
  return out;
}

}  // namespace attend
