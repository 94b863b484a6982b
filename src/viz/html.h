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

/// One self-contained page, written from top to bottom and in place only after finish(). Its policy forbids every
/// access to a network, whatever is in it.
class HtmlFile {
 public:
  /// Writes everything up to <body>. Throws Error when the file can't be written.
  HtmlFile(const std::filesystem::path& path, const std::string& title);
  void write(std::string_view html) { file_.write(html); }
  /// Writes the scripts, in their order, and the end of the page.
  void finish(std::initializer_list<std::string_view> scripts);

 private:
  AtomicFile file_;
};

}  // namespace attend
