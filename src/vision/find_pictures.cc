#include "vision/find_pictures.h"

#include <glob.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <set>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/error.h"

namespace attend {
namespace {

namespace fs = std::filesystem;

bool has_picture_extension(const fs::path& path) {
  std::string extension = path.extension().string();
  for (auto& letter : extension) letter = static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
  constexpr std::array<std::string_view, 10> known{".jpg", ".jpeg", ".jpe", ".jfif", ".png",
                                                   ".gif", ".webp", ".tif", ".tiff", ".bmp"};
  return std::find(known.begin(), known.end(), extension) != known.end();
}

/// The folders a walk has been in, by device and inode: the same under every name.
using Visited = std::set<std::pair<dev_t, ino_t>>;

void walk(const fs::path& folder, bool recursive, Visited& visited, std::vector<fs::path>& pictures) {
  struct stat status;
  if (::stat(folder.c_str(), &status) == 0 && !visited.insert({status.st_dev, status.st_ino}).second) return;
  std::error_code error;
  std::vector<std::string> names;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    std::string name = entry->path().filename().string();
    if (name[0] != '.') names.push_back(std::move(name));
  }
  if (error) pictures.push_back(folder);
  std::sort(names.begin(), names.end());
  for (const auto& name : names) {
    const fs::path path = folder / name;
    if (fs::is_directory(path, error)) {
      if (recursive) walk(path, recursive, visited, pictures);
    } else if (has_picture_extension(path)) {
      pictures.push_back(path);
    }
  }
}

void add(const fs::path& path, bool recursive, std::vector<fs::path>& pictures) {
  std::error_code error;
  Visited visited;
  if (fs::is_directory(path, error)) {
    walk(path, recursive, visited, pictures);
  } else {
    pictures.push_back(path);
  }
}

/// What a pattern matches, sorted bytewise.
std::vector<std::string> matches(const std::string& pattern) {
  glob_t found{};
  std::vector<std::string> paths;
  if (::glob(pattern.c_str(), GLOB_NOSORT, nullptr, &found) == 0)
    paths.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  ::globfree(&found);
  std::sort(paths.begin(), paths.end());
  return paths;
}

}  // namespace

std::vector<fs::path> find_pictures(const std::vector<std::string>& arguments, bool recursive) {
  std::vector<fs::path> pictures;
  for (const auto& argument : arguments) {
    std::error_code error;
    const auto kind = fs::symlink_status(argument, error).type();
    if (kind != fs::file_type::not_found) {
      add(argument, recursive, pictures);
      continue;
    }
    const bool pattern = argument.find_first_of("*?[") != std::string::npos;
    const auto paths = pattern ? matches(argument) : std::vector<std::string>();
    if (paths.empty())
      throw InputError(argument + (pattern ? ": no file matches this pattern" : ": no such file or folder"));
    for (const auto& path : paths) add(path, recursive, pictures);
  }
  return pictures;
}

}  // namespace attend
