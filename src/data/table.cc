#include "data/table.h"

#include <algorithm>

#include "base/error.h"
#include "base/stand_in.h"

namespace attend {

std::string_view plain_text(std::string_view text, const std::string& source) {
  if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff"))
    throw InputError(source + ": is UTF-16; save it as UTF-8");
  if (const auto what = stand_in(text); !text.empty() && !what.empty()) throw InputError(source + ": is " + what);
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  if (text.find('\0') != text.npos) throw InputError(source + ": has NUL bytes; a text file in UTF-8 is needed");
  if (text.find('\n') == text.npos && text.substr(0, text.size() - !text.empty()).find('\r') != text.npos)
    throw InputError(source + ": its lines end with CR alone; write them with LF (tr '\\r' '\\n')");
  return text;
}

std::string_view take_line(std::string_view& rest) {
  const size_t length = std::min(rest.find('\n'), rest.size());
  std::string_view line = rest.substr(0, length);
  rest.remove_prefix(std::min(length + 1, rest.size()));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

std::string csv_field(std::string_view text, char delimiter) {
  if (text.find_first_of(std::string{'"', '\n', '\r', delimiter}) == text.npos) return std::string(text);
  std::string field = "\"";
  for (const char c : text) field += c == '"' ? "\"\"" : std::string(1, c);
  return field + '"';
}

}  // namespace attend
