// HTML pages whose pictures get captions as their alternative texts.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/visited_folders.h"
#include "pipeline/picture_source.h"
#include "pipeline/seen_picture.h"
#include "text/html_images.h"

namespace attend {

struct AltWork {
  std::filesystem::path output;  // folder that the new pages are written to
  std::filesystem::path
      root;  // that addresses such as /img/a.jpg start from; empty: the folder that was named, or the page's own
  bool missing_only = false;  // an empty alternative text stays
  bool replace = false;       // texts that are there are replaced
  bool overwrite = false;     // pages that are in the output folder already are replaced
  double min_confidence = 0;  // a caption of less confidence isn't written
  // gets why a page, a folder or a picture can't be read, in a line
  std::function<void(const std::string& refusal)> refuse = [](const std::string&) {};
  // gets what one should know of a page, in a line
  std::function<void(const std::string& message)> warn = [](const std::string&) {};
};

/// A page would be written where a file is already. The message ends with what is there.
class PageIsThere : public Error {
 public:
  PageIsThere(const std::filesystem::path& page, bool is_source);
  bool is_source() const { return is_source_; }  // it is the page that was read, which is never overwritten

 private:
  bool is_source_;
};

/// What became of the pictures in all pages.
struct AltCounts {
  size_t pages = 0;
  size_t written = 0;    // alternative texts
  size_t kept = 0;       // that were there, and pictures that are decoration
  size_t elsewhere = 0;  // pictures that are no files beside the pages
  size_t unsure = 0;     // less sure than AltWork::min_confidence
  size_t failed = 0;     // pages, folders and pictures that can't be read
};

/// Pages, from their pictures to their new texts: add(), then take() of every one of pictures(), then write().
class AltPages {
 public:
  explicit AltPages(AltWork work) : work_(std::move(work)) {}

  /// Reads a page, or all pages (.html, .htm) of a folder and of those below it, but of the output folder. What can't be read costs its
  /// own texts only. Throws InputError for a folder without pages, PageIsThere, and UsageError where two pages would be one file.
  void add(const std::filesystem::path& name);

  /// Throws Error where the output folder can't be made or written to: now, not when all is captioned.
  void check_output() const;

  /// Those that want a text, each once.
  const std::vector<PictureSource>& pictures() const { return pictures_; }
  void take(const SeenPicture& seen);

  /// Writes the new pages: all that isn't an alternative text stays byte for byte. Throws Error.
  void write();

  const AltCounts& counts() const { return counts_; }

 private:
  /// A page, and the pictures whose texts it wants.
  struct Page {
    std::filesystem::path file, root, target;
    std::string bytes;
    HtmlPage html;
    std::vector<std::pair<size_t, size_t>> wants;  // image of the page, picture
  };

  void fail(const std::string& refusal);
  /// A folder that can't be read costs its own pages, one that links lead back to is walked once.
  void find_pages(const std::filesystem::path& folder, std::vector<std::filesystem::path>& files,
                  VisitedFolders& visited);
  /// name: of the page below the output folder.
  void add_page(const std::filesystem::path& file, const std::filesystem::path& root,
                const std::filesystem::path& name);
  /// number: of the page's image.
  void want(Page& page, size_t number);

  AltWork work_;
  std::vector<Page> pages_;
  std::set<std::string> targets_;
  std::map<std::string, size_t> numbers_;  // of pictures
  std::vector<PictureSource> pictures_;
  std::map<size_t, std::string> texts_;  // of pictures
  std::set<size_t> unsure_;              // pictures
  AltCounts counts_;
};

}  // namespace attend
