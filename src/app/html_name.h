// The flag --html of several commands.
#pragma once

#include <filesystem>

#include "base/error.h"

namespace attend {

/// Throws UsageError unless `path`, the value of --html, is empty or ends in .html or .htm.
inline void check_html_name(const std::filesystem::path& path) {
  if (!path.empty() && path.extension() != ".html" && path.extension() != ".htm")
    throw UsageError("--html: " + path.string() + ": name a file that ends in .html");
}

}  // namespace attend
