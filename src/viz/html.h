// What every page needs: text made safe, and a file that opens without a network.
#pragma once

#include <filesystem>
#include <initializer_list>
#include <string>
#include <string_view>

#include "base/files.h"

namespace attend {

/// Text between tags or in a quoted attribute: & < > " ' escaped, what isn't UTF-8 and control characters as U+FFFD.
std::string html_text(std::string_view text);

/// JSON between <script type="application/json"> tags: valid UTF-8, and no "<", so no tag can end there.
std::string html_json(const Json& json);

/// A page with more bytes takes a browser a minute to open, and its memory may not do: about 7,000 pictures.
constexpr size_t kLargePage = 200 << 20;

/// One self-contained page, written from top to bottom and in place only after finish(). Its policy forbids every
/// access to a network, whatever is in it.
class HtmlFile {
 public:
  /// Writes everything up to <body>. Throws Error when the file can't be written.
  HtmlFile(const std::filesystem::path& path, const std::string& title);
  void write(std::string_view html);
  /// Writes the scripts, in their order, and the end of the page. Warns of a page too large for browsers.
  void finish(std::initializer_list<std::string_view> scripts);

 private:
  const std::filesystem::path path_;
  AtomicFile file_;
  size_t bytes_ = 0;
};

}  // namespace attend
