// Files that commands are asked to write, by their flags.
#pragma once

#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include "base/atomic_file.h"
#include "base/error.h"

namespace attend {

/// Throws UsageError unless `path`, the value of --html, is empty or ends in .html or .htm.
inline void check_html_name(const std::filesystem::path& path) {
  if (!path.empty() && path.extension() != ".html" && path.extension() != ".htm")
    throw UsageError("--html: " + path.string() + ": name a file that ends in .html");
}

/// check_writable() of what `flag` names, if anything; before, throws UsageError where that is one of the files that the same
/// command reads, by whatever name: its only copy would be lost.
inline void check_output(const std::string& flag, const std::filesystem::path& output,
                         const std::vector<std::filesystem::path>& inputs) {
  if (output.empty()) return;
  for (const auto& input : inputs)
    if (std::error_code error;
        std::filesystem::is_regular_file(input, error) && std::filesystem::equivalent(input, output, error))
      throw UsageError(flag + ": " + output.string() +
                       ": is read by this command and would be replaced; name another file");
  check_writable(output);
}

}  // namespace attend
