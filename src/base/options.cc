#include "base/options.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <sstream>
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

std::string number_text(double value) {
  std::ostringstream out;
  out << value;
  return out.str();
}

/// "an integer from 1 to 100": what a field takes, for help and errors.
std::string expectation(const OptionList::Field& field) {
  const auto& allowed = field.allowed;
  if (!allowed.choices.empty()) return "one of " + join(allowed.choices, ", ");
  std::string what = std::visit(
      Overloaded{[](bool*) { return "true or false"; }, [](int*) { return "an integer"; },
                 [](int64_t*) { return "an integer"; }, [](double*) { return "a number"; },
                 [](std::string*) { return "a string"; }, [](std::filesystem::path*) { return "a path"; },
                 [](std::vector<std::string>*) { return "a list of strings"; },
                 [](std::vector<std::filesystem::path>*) { return "a list of paths"; }},
      field.target);
  const bool low = std::isfinite(allowed.least), high = std::isfinite(allowed.most);
  if (low && high) return what + " from " + number_text(allowed.least) + " to " + number_text(allowed.most);
  if (low) return what + " of at least " + number_text(allowed.least);
  if (high) return what + " of at most " + number_text(allowed.most);
  return what;
}

[[noreturn]] void refuse(const OptionList::Field& field, const std::string& where, const std::string& value) {
  throw UsageError(where + ": " + value + " is not allowed; it takes " + expectation(field));
}

Json value_json(const OptionList::Target& target) {
  return std::visit(Overloaded{[](std::filesystem::path* path) { return Json(path->string()); },
                               [](std::vector<std::filesystem::path>* paths) {
                                 Json list = Json::array();
                                 for (const auto& path : *paths) list.push_back(path.string());
                                 return list;
                               },
                               [](auto* value) { return Json(*value); }},
                    target);
}

/// The value as a user would type it.
std::string value_text(const OptionList::Target& target) {
  const Json json = value_json(target);
  if (json.is_string()) return json.get<std::string>();
  if (json.is_array()) {
    std::string text;
    for (const auto& item : json) text += (text.empty() ? "" : " ") + item.get<std::string>();
    return text;
  }
  if (json.is_number_float()) return number_text(json.get<double>());
  return json.dump();
}

void check_range(const OptionList::Field& field, const std::string& where, double value) {
  if (!(value >= field.allowed.least && value <= field.allowed.most)) refuse(field, where, number_text(value));
}

void check_choice(const OptionList::Field& field, const std::string& where, const std::string& value) {
  const auto& choices = field.allowed.choices;
  if (!choices.empty() && std::find(choices.begin(), choices.end(), value) == choices.end())
    refuse(field, where, '"' + value + '"');
}

/// Writes `json` to the field's target, or throws with `where` at the head of the message.
void assign(const OptionList::Field& field, const Json& json, const std::string& where) {
  const auto integer = [&](auto* target) {
    using Integer = std::remove_pointer_t<decltype(target)>;
    if (!json.is_number_integer()) refuse(field, where, json.dump());
    const bool fits = json.is_number_unsigned()
                          ? json.get<uint64_t>() <= static_cast<uint64_t>(std::numeric_limits<Integer>::max())
                          : json.get<int64_t>() >= std::numeric_limits<Integer>::min() &&
                                json.get<int64_t>() <= std::numeric_limits<Integer>::max();
    if (!fits) refuse(field, where, json.dump());
    check_range(field, where, json.get<double>());
    *target = json.get<Integer>();
  };
  const auto strings = [&](auto* target) {
    if (!json.is_array()) refuse(field, where, json.dump());
    std::remove_pointer_t<decltype(target)> list;
    for (const auto& item : json) {
      if (!item.is_string()) refuse(field, where, item.dump());
      check_choice(field, where, item.get<std::string>());
      list.emplace_back(item.get<std::string>());
    }
    *target = std::move(list);
  };
  const auto text = [&](auto* target) {
    if (!json.is_string()) refuse(field, where, json.dump());
    check_choice(field, where, json.get<std::string>());
    *target = json.get<std::string>();
  };
  std::visit(Overloaded{[&](bool* target) {
                          if (!json.is_boolean()) refuse(field, where, json.dump());
                          *target = json.get<bool>();
                        },
                        [&](int* target) { integer(target); }, [&](int64_t* target) { integer(target); },
                        [&](double* target) {
                          if (!json.is_number()) refuse(field, where, json.dump());
                          check_range(field, where, json.get<double>());
                          *target = json.get<double>();
                        },
                        [&](std::string* target) { text(target); },
                        [&](std::filesystem::path* target) { text(target); },
                        [&](std::vector<std::string>* target) { strings(target); },
                        [&](std::vector<std::filesystem::path>* target) { strings(target); }},
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
  const bool is_bool = std::holds_alternative<bool*>(field.target);
  const bool is_int = std::holds_alternative<int*>(field.target) || std::holds_alternative<int64_t*>(field.target);
  const bool is_double = std::holds_alternative<double*>(field.target);
  if (is_bool && (text == "true" || text == "false")) return Json(text == "true");
  if (int64_t value; is_int && parse_number(text, value)) return Json(value);
  if (double value; is_double && parse_number(text, value)) return Json(value);
  return Json(text);
}

std::string wrap(const std::string& text, size_t indent, size_t width) {
  std::istringstream words(text);
  std::string out, word;
  size_t column = indent;
  while (words >> word) {
    if (column > indent && column + 1 + word.size() > width) {
      out += '\n' + std::string(indent, ' ');
      column = indent;
    } else if (column > indent) {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
  }
  return out;
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
  std::string flag = prefix_ + key;
  std::replace(flag.begin(), flag.end(), '_', '-');
  for (const auto& field : fields_)
    if (field.flag == flag) throw std::logic_error("two options are called --" + flag);
  fields_.push_back({section_, std::move(key), flag, target, std::move(help), std::move(allowed), value_text(target)});
  field_titles_.push_back(title_);
}

void OptionList::read_json(const Json& json, const std::string& source) {
  if (!json.is_object()) throw UsageError(source + ": expected a JSON object of sections");
  for (const auto& [section, members] : json.items()) {
    std::vector<std::string> sections, keys;
    for (const auto& field : fields_) {
      if (!field.section.empty() && std::find(sections.begin(), sections.end(), field.section) == sections.end())
        sections.push_back(field.section);
      if (field.section == section) keys.push_back(field.key);
    }
    if (section.empty() || keys.empty())
      throw UsageError(source + ": unknown section \"" + section + "\"; known: " + join(sections, ", "));
    if (!members.is_object()) throw UsageError(source + ": " + section + " must be a JSON object");
    for (const auto& [key, value] : members.items()) {
      const auto found = std::find_if(fields_.begin(), fields_.end(), [&, &section = section, &key = key](const Field& field) {
        return field.section == section && field.key == key;
      });
      if (found == fields_.end())
        throw UsageError(source + ": unknown key " + section + "." + key + "; known: " + join(keys, ", "));
      assign(*found, value, source + ": " + section + "." + key);
    }
  }
}

Json OptionList::to_json() const {
  Json json = Json::object();
  for (const auto& field : fields_)
    if (!field.section.empty()) json[field.section][field.key] = value_json(field.target);
  return json;
}

void OptionList::set_flag(const std::string& flag, const std::string& text) {
  for (const auto& field : fields_) {
    if (field.flag != flag) continue;
    const std::string where = "--" + flag;
    Json json = flag_json(field, text);
    if (std::holds_alternative<std::vector<std::string>*>(field.target) ||
        std::holds_alternative<std::vector<std::filesystem::path>*>(field.target))
      json = Json::array({text});
    return assign(field, json, where);
  }
  throw UsageError("--" + flag + ": unknown option");
}

std::string OptionList::help() const {
  constexpr size_t indent = 30, width = 100;
  std::string out, title;
  for (size_t i = 0; i < fields_.size(); ++i) {
    const auto& field = fields_[i];
    if (field_titles_[i] != title) {
      title = field_titles_[i];
      out += "\n" + title + ":\n";
    }
    const bool is_bool = std::holds_alternative<bool*>(field.target);
    std::string left = "  --" + field.flag;
    if (!is_bool) left += field.allowed.choices.empty() ? " " + std::string("ARG") : " WORD";
    left += left.size() + 2 > indent ? "\n" + std::string(indent, ' ') : std::string(indent - left.size(), ' ');
    std::string text = field.help;
    const bool ranged = std::isfinite(field.allowed.least) || std::isfinite(field.allowed.most);
    if (!field.allowed.choices.empty() || ranged) text += " (" + expectation(field) + ")";
    if (!field.default_text.empty() && !(is_bool && field.default_text == "false"))
      text += " [" + field.default_text + "]";
    out += left + wrap(text, indent, width) + "\n";
  }
  return out;
}

}  // namespace attend
