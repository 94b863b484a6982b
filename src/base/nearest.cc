#include "base/nearest.h"

#include <algorithm>
#include <cstdlib>
#include <string_view>
#include <system_error>

namespace attend {
namespace {

/// Of Damerau and Levenshtein: letters put in, left out, exchanged, and neighbours in the wrong order.
size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<std::vector<size_t>> at(a.size() + 1, std::vector<size_t>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i) {
    for (size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        at[i][j] = i + j;
        continue;
      }
      at[i][j] = std::min({at[i - 1][j - 1] + (a[i - 1] != b[j - 1]), at[i - 1][j] + 1, at[i][j - 1] + 1});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        at[i][j] = std::min(at[i][j], at[i - 2][j - 2] + 1);
    }
  }
  return at[a.size()][b.size()];
}

}  // namespace

std::vector<std::string> nearest(const std::string& word, const std::vector<std::string>& candidates, size_t most) {
  const size_t furthest = std::max<size_t>(2, word.size() / 4);  // further away is no likeness
  std::vector<std::vector<std::string>> at(furthest + 1);        // by distance
  for (const auto& candidate : candidates) {
    const size_t distance = candidate.starts_with(word) ? 0 : edit_distance(word, candidate);
    if (distance <= furthest) at[distance].push_back(candidate);
  }
  std::vector<std::string> near;
  for (const auto& equal : at) near.insert(near.end(), equal.begin(), equal.end());
  if (near.size() > most) near.resize(most);
  return near;
}

namespace {

/// "%20" as the byte it stands for.
std::string without_percents(const std::string& text) {
  std::string plain;
  for (size_t at = 0; at < text.size(); ++at) {
    const std::string code = text[at] == '%' ? text.substr(at + 1, 2) : "";
    if (code.size() == 2 && code.find_first_not_of("0123456789abcdefABCDEF") == code.npos)
      plain += static_cast<char>(std::strtol(code.c_str(), nullptr, 16)), at += 2;
    else
      plain += text[at];
  }
  return plain;
}

std::string trimmed(std::string text, const char* what) {
  const size_t first = text.find_first_not_of(what);
  return first == text.npos ? "" : text.substr(first, text.find_last_not_of(what) - first + 1);
}

/// A name without what systems write differently: upper case, and accents, in one character with their letter or on their
/// own. Of Latin letters; others stay.
std::string folded(std::string_view name) {
  static constexpr std::string_view latin =  // U+00C0 to U+017F; a full stop: no letter with an accent
      "aaaaaa.ceeeeiiii.nooooo..uuuuy..aaaaaa.ceeeeiiii.nooooo..uuuuy.yaaaaaaccccccccdd..eeeeeeeeeegggggggghh.."
      "iiiiiiiii...jjkk.llllll....nnnnnn...oooooo..rrrrrr"
      "sssssssstttt..uuuuuuuuuuuuwwyyyzzzzzz.";
  std::string plain;
  for (size_t at = 0; at < name.size(); ++at) {
    const auto byte = static_cast<unsigned char>(name[at]);
    const unsigned next = at + 1 < name.size() ? static_cast<unsigned char>(name[at + 1]) : 0;
    const unsigned code = byte >= 0xc3 && byte <= 0xcd ? (byte & 0x1fu) << 6 | (next & 0x3f) : 0;
    if (code >= 0x300 && code <= 0x36f) {  // combining accents
      ++at;
    } else if (code >= 0xc0 && code <= 0x17f && latin[code - 0xc0] != '.') {
      plain += latin[code - 0xc0];
      ++at;
    } else {
      plain += byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte + 32) : name[at];
    }
  }
  return plain;
}

bool is_file(const std::filesystem::path& path) {
  std::error_code error;
  return std::filesystem::is_regular_file(path, error);
}

/// The one file in the folder of `path` for whose name `same` is true, or an empty path.
template <class Same>
std::filesystem::path only_one(const std::filesystem::path& path, Same same) {
  std::filesystem::path found;
  std::error_code error;
  const auto folder = path.has_parent_path() ? path.parent_path() : ".";
  for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    if (!same(entry->path().filename()) || !is_file(entry->path())) continue;
    if (!found.empty()) return {};
    found = path.parent_path() / entry->path().filename();
  }
  return found;
}

}  // namespace

std::string near_file(const std::filesystem::path& path) {
  std::string text = path.string();
  if (text.starts_with("file://")) text = without_percents(text.substr(7));
  std::string slashes = trimmed(trimmed(text, " \t"), "\"'");
  std::replace(slashes.begin(), slashes.end(), '\\', '/');
  const std::filesystem::path given(slashes);
  std::vector<std::string> candidates{text, slashes, without_percents(slashes),
                                      given.parent_path() / trimmed(given.filename().string(), " \t\"'")};
  for (const char mark : {'\t', ',', ';', '|', '?'})  // columns of a table; what follows a web address
    if (const size_t end = slashes.find(mark); end != slashes.npos)
      candidates.push_back(trimmed(slashes.substr(0, end), " \"'"));
  for (const auto& candidate : candidates)
    if (candidate != path.string() && is_file(candidate)) return "; there is " + candidate;
  for (const auto& candidate : {path, std::filesystem::path(slashes)}) {
    if (!candidate.has_filename()) continue;
    const auto name = folded(candidate.filename().string());
    auto found = only_one(candidate, [&](const auto& other) { return folded(other.string()) == name; });
    if (found.empty() && !candidate.stem().empty())
      found = only_one(candidate, [&](const auto& other) {
        return other.stem() == candidate.stem() || other == candidate.stem() || other.stem() == candidate.filename();
      });
    if (!found.empty()) return "; there is " + found.string();
  }
  return "";
}

}  // namespace attend
