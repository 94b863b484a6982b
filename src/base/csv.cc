#include "base/csv.h"

#include <algorithm>
#include <string_view>

namespace attend {
namespace {

/// Whether spreadsheets take a cell that begins so for a formula, or pass over its beginning and then do (OWASP, "CSV
/// Injection"); the last four are = + - @ in full width.
bool begins_formula(std::string_view text) {
  text.remove_prefix(
      std::min(text.find_first_not_of('\''), text.size()));  // so that csv_text() can tell what was added
  static constexpr std::string_view beginnings[] = {"=",  "+",      "-",      "@",      "\t",    "\r",
                                                    "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20"};
  return std::any_of(std::begin(beginnings), std::end(beginnings),
                     [&](std::string_view beginning) { return text.starts_with(beginning); });
}

}  // namespace

std::string csv_field(const std::string& text) {
  const std::string safe = (begins_formula(text) ? "'" : "") + text;
  if (safe.find_first_of(",;\t\"\r\n") == std::string::npos) return safe;
  std::string made = "\"";
  for (const char c : safe) made += c == '"' ? std::string("\"\"") : std::string(1, c);
  return made + "\"";
}

std::string csv_text(const std::string& field) {
  return field.starts_with('\'') && begins_formula(field) ? field.substr(1) : field;
}

std::string csv_row(const std::vector<std::string>& fields) {
  std::string row;
  for (size_t i = 0; i < fields.size(); ++i) row += (i ? "," : "") + fields[i];
  return row + "\r\n";
}

}  // namespace attend
