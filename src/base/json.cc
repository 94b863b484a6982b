#include "base/json.h"

#include <algorithm>
#include <cstdio>

#include "base/error.h"
#include "base/files.h"
#include "base/stand_in.h"

namespace attend {
namespace {

constexpr int kMostDepth = 100;

/// Where lists and objects first stand more than kMostDepth deep, or npos.
size_t too_deep_at(std::string_view text) {
  int depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      if (++depth > kMostDepth) return i;
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return std::string_view::npos;
}

[[noreturn]] void refuse(std::string_view text, const std::string& source, size_t at, const std::string& what) {
  at = std::min(at, text.size());
  const auto line = 1 + std::count(text.begin(), text.begin() + static_cast<long>(at), '\n');
  const size_t line_start = at == 0 ? 0 : text.rfind('\n', at - 1) + 1;
  throw InputError(source + ":" + std::to_string(line) + ":" + std::to_string(at - line_start + 1) + ": " + what);
}

/// What the parser stumbled over at `at`.
std::string fault_at(std::string_view text, size_t at) {
  using namespace std::string_view_literals;
  if (text.starts_with("\xff\xfe"sv) || text.starts_with("\xfe\xff"sv) || text.substr(0, 4).find('\0') != text.npos)
    return "UTF-16 or UTF-32, where JSON is UTF-8; convert it (iconv -f UTF-16 -t UTF-8)";
  if (text.starts_with("\x1f\x8b"sv)) return "compressed (gzip); unpack it first";
  const std::string_view rest = text.substr(std::min(at, text.size()));
  if (rest.starts_with("NaN") || rest.starts_with("Infinity") || rest.starts_with("nan"))
    return "NaN and Infinity are no JSON, though Python writes them; use null";
  const auto first = text.find_first_not_of(" \t\r\n"),
             before = text.substr(0, std::min(at, text.size())).find_last_not_of(" \t\r\n");
  if (rest.starts_with('{') && text[first] == '{' && text[before] == '}' &&
      text.substr(before, at - before).find('\n') != text.npos)
    return "a second object follows the first; where each line is one (JSON Lines), make a list of them";
  // In a string, the byte that can't follow is named, and those before it may be the stray ones.
  for (size_t i = at < 3 ? 0 : at - 3; i <= at && i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x80) continue;
    char shown[8];
    std::snprintf(shown, sizeof shown, "0x%02x", byte);
    return "byte " + std::string(shown) + " is not UTF-8; is the file Latin-1? Convert it (iconv -f LATIN1 -t UTF-8)";
  }
  return "not valid JSON (cut short or mistyped here)";
}

}  // namespace

Json parse_json(std::string_view text, const std::string& source, const Json::parser_callback_t& keep) {
  if (const size_t at = too_deep_at(text); at != text.npos)
    refuse(text, source, at, "lists and objects more than " + std::to_string(kMostDepth) + " deep; refused");
  try {
    return Json::parse(text.begin(), text.end(), keep);
  } catch (const Json::parse_error& error) {
    if (const auto what = stand_in(text); !what.empty()) throw InputError(source + ": is " + what);
    const size_t at = error.byte > 0 ? error.byte - 1 : 0;
    refuse(text, source, at, fault_at(text, at));
  } catch (const Json::exception&) {
    throw InputError(source + ": holds a number too large for JSON");
  }
}

Json read_json_file(const std::filesystem::path& path) { return parse_json(read_file(path), path.string()); }

}  // namespace attend
