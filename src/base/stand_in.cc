#include "base/stand_in.h"

#include <algorithm>
#include <cctype>

namespace attend {

std::string stand_in(std::string_view first) {
  if (first.empty()) return "an empty file";
  if (first.find_first_not_of('\0') == first.npos) return "nothing but NUL bytes; it was never written to its end";
  if (first.starts_with("version https://git-lfs"))
    return "a pointer of Git LFS in place of the file (git lfs pull fetches it)";
  std::string begin(first.substr(std::min(first.find_first_not_of(" \t\r\n"), first.size()), 15));
  std::transform(begin.begin(), begin.end(), begin.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (begin.starts_with("<!doctype html") || begin.starts_with("<html"))
    return "a web page (HTML) in place of the file; see in a browser what the server said";
  return "";
}

}  // namespace attend
