#include "vision/name_list.h"

#include <filesystem>
#include <system_error>

#include "base/error.h"

namespace attend {
namespace {

bool exists(std::string_view name) {
  std::error_code error;
  return std::filesystem::symlink_status(name, error).type() != std::filesystem::file_type::not_found && !error;
}

/// With its mark, or with a NUL in each of the first pairs of bytes.
bool is_utf16(std::string_view list, char end) {
  if (list.starts_with("\xff\xfe") || list.starts_with("\xfe\xff")) return true;
  if (list.size() < 8 || end == '\0') return false;  // names of one letter that end with NULs look the same
  for (const size_t first : {0u, 1u}) {
    bool all = true;
    for (size_t at = 0; at < 8; ++at) all = all && (list[at] == '\0') == (at % 2 == first);
    if (all) return true;
  }
  return false;
}

void check_end(std::string_view list, char end, const std::string& source) {
  if (is_utf16(list, end)) throw InputError(source + ": is UTF-16, as PowerShell's > writes it; save it as UTF-8");
  if (list.starts_with("\x1f\x8b")) throw InputError(source + ": is compressed (gzip); unpack it first");
  const bool has_nul = list.find('\0') != list.npos;
  if (end == '\n' && has_nul) throw InputError(source + ": has NUL bytes; if they end the names, say --null");
  if (end == '\0' && !has_nul && list.find('\n') != list.npos && !exists(list))
    throw InputError(source + ": has no NUL byte; its names end with newlines: leave out --null");
}

}  // namespace

std::vector<std::string> parse_name_list(std::string_view list, char end, const std::string& source) {
  constexpr std::string_view kMark = "\xef\xbb\xbf";
  check_end(list, end, source);
  if (end == '\n' && list.find('\n') == list.npos && list.find('\r') != list.npos && !exists(list))
    end = '\r';  // as old Macs end lines
  std::vector<std::string> names;
  bool first = true;
  while (!list.empty()) {
    const size_t length = std::min(list.find(end), list.size());
    std::string_view name = list.substr(0, length);
    list.remove_prefix(std::min(length + 1, list.size()));
    if (first && name.starts_with(kMark) && !exists(name)) name.remove_prefix(kMark.size());
    if (end == '\n' && name.ends_with('\r') && !exists(name)) name.remove_suffix(1);
    if (!name.empty()) names.emplace_back(name);
    first = false;
  }
  return names;
}

}  // namespace attend
