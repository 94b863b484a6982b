#include "base/escape.h"

#include <algorithm>

namespace attend {
namespace {

constexpr std::string_view kEscaped = "\\\t\n\r", kEscapes = "\\tnr";

}  // namespace

std::string escaped(std::string_view text) {
  std::string made;
  for (const char c : text) {
    const size_t which = kEscaped.find(c);
    if (which == kEscaped.npos)
      made += c;
    else
      made += {'\\', kEscapes[which]};
  }
  return made;
}

std::string unescaped(std::string_view text) {
  std::string made;
  for (size_t i = 0; i < text.size(); ++i) {
    const size_t which = text[i] == '\\' && i + 1 < text.size() ? kEscapes.find(text[i + 1]) : kEscapes.npos;
    made += which == kEscapes.npos ? text[i] : kEscaped[which];
    i += which != kEscapes.npos;
  }
  return made;
}

std::string joined_line(const std::vector<std::string>& fields) {
  std::string line;
  for (size_t i = 0; i < fields.size(); ++i) line += (i ? "\t" : "") + escaped(fields[i]);
  return line + "\n";
}

std::vector<std::string> parted_line(std::string_view line) {
  std::vector<std::string> fields;
  for (size_t at = 0; at <= line.size();) {
    const size_t end = std::min(line.find('\t', at), line.size());
    fields.push_back(unescaped(line.substr(at, end - at)));
    at = end + 1;
  }
  return fields;
}

}  // namespace attend
