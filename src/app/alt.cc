// attend alt: captions as the alternative texts of the pictures in HTML pages.

#include <algorithm>
#include <cctype>
#include <iostream>
#include <map>
#include <optional>
#include <set>

#include "app/commands.h"
#include "app/model_command.h"
#include "app/terminal.h"
#include "base/error.h"
#include "base/files.h"
#include "base/folder.h"
#include "base/interrupt.h"
#include "base/printable.h"
#include "base/visited_folders.h"
#include "pipeline/caption_outputs.h"
#include "pipeline/caption_pictures.h"
#include "pipeline/caption_wording.h"
#include "text/html_images.h"

namespace attend {
namespace {

namespace fs = std::filesystem;

CommandSyntax alt_syntax() {
  return {
      "alt",
      "PAGE...",
      1,
      SIZE_MAX,
      "Writes captions into HTML pages as the alternative texts of their pictures, for people who can't see them. PAGE "
      "is a "
      "page or a folder, in which all .html and .htm files are pages, those of its subfolders too. Pictures without "
      "alt, or "
      "with an empty one, get a caption; those that lie elsewhere (https:, data:) or are marked as decoration "
      "(role=\"presentation\" or \"none\", aria-hidden=\"true\") are left "
      "alone. New pages go to the folder --output under their names; every other byte of them stays as it is.",
      {{"attend alt site --output site-with-alt --sentence", "a folder of pages, written to another"},
       {"attend alt index.html --output out --min-confidence 0.5",
        "only where the caption is more likely good than not"},
       {"attend alt site --output new --missing-only",
        "alt=\"\" stays: by the standard it says that a picture is decoration"}},
      {"output", "missing-only", "replace", "overwrite", "sentence", "min-confidence", "model"}};
}

struct AltOptions {
  fs::path output, root;
  bool missing_only = false, replace = false, overwrite = false;
  double min_confidence = 0;
  Wording wording;

  void list(OptionList& options) {
    options.section("", "Pages");
    options.add("output", output, "folder that the new pages are written to; never that of the pages themselves");
    options.add(
        "root", root,
        "folder that addresses such as /img/a.jpg start from; empty: PAGE where it is a folder, or else a page's own");
    options.add("missing_only", missing_only, "leave an empty alt as it is, too");
    options.add("replace", replace, "replace alternative texts that are there");
    options.add("overwrite", overwrite, "replace pages that are in the output folder already");
    options.section("", "Texts");
    options.add("prefix", wording.prefix, "text before every caption");
    options.add("suffix", wording.suffix, "text behind every caption");
    options.add("sentence", wording.sentence, "texts begin with a capital and end with a full stop");
    options.add("min_confidence", min_confidence, "a caption of less confidence is not written; 0: all are",
                between(0, 1));
  }
};

bool is_page(const fs::path& path) {
  std::string ending = path.extension();
  for (char& c : ending) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return ending == ".html" || ending == ".htm";
}

/// A page, and the pictures whose texts it wants.
struct Page {
  fs::path file, root, target;
  std::string bytes;
  HtmlPage html;
  std::vector<std::pair<size_t, size_t>> wants;  // image of the page, picture
};

class AltRun {
 public:
  explicit AltRun(const AltOptions& options) : options_(options) {}

  /// Throws InputError, UsageError or Error before anything is written.
  void read(const std::vector<std::string>& names) {
    for (const auto& name : names) {
      std::error_code error;
      if (!fs::is_directory(name, error)) {
        add(name, fs::path(name).parent_path(), fs::path(name).filename());
        continue;
      }
      std::vector<fs::path> files;
      const size_t before = failed_;
      VisitedFolders visited;
      find_pages(name, files, visited);
      if (files.empty() && failed_ == before) throw InputError(name + ": no .html or .htm files in it");
      std::sort(files.begin(), files.end());
      for (const auto& file : files) add(file, name, file.lexically_relative(name));
    }
  }

  /// Throws Error where the output folder can't be made or written to: now, not when all is captioned.
  void check_output() const {
    if (pages_.empty()) return;
    make_folder(options_.output);
    check_writable(options_.output / "page.html");
  }

  const std::vector<PictureSource>& pictures() const { return pictures_; }

  void take(const SeenPicture& seen) {
    if (seen.refused()) {
      complain(seen.refusal);
      ++failed_;
    } else if (is_unsure(seen, options_.min_confidence)) {
      unsure_pictures_.insert(seen.index);
    } else {
      texts_[seen.index] = seen.best().text;
    }
  }

  void write() {
    for (const auto& page : pages_) {
      std::vector<std::pair<size_t, std::string>> texts;
      for (const auto& [image, picture] : page.wants) {
        unsure_ += unsure_pictures_.count(picture);
        if (const auto text = texts_.find(picture); text != texts_.end()) texts.emplace_back(image, text->second);
      }
      written_ += texts.size();
      make_folder(page.target.parent_path());
      write_file_atomically(page.target, with_alt_texts(page.bytes, page.html, texts));
    }
  }

  int finish() const {
    std::cout << counted(pages_.size(), "page") << ": " << counted(written_, "alternative text") << " written, "
              << kept_ << " kept, " << elsewhere_ << " elsewhere"
              << (options_.min_confidence > 0 ? ", " + std::to_string(unsure_) + " less sure than --min-confidence"
                                              : "")
              << ", " << failed_ << " failed\n";
    return failed_ > 0 ? 1 : 0;
  }

 private:
  /// The pages of a folder and of those below it, but not of the output folder; a folder that can't be read costs its own, one that
  /// links lead back to is walked once.
  void find_pages(const fs::path& folder, std::vector<fs::path>& files, VisitedFolders& visited) {
    if (!visited.enter(folder)) return;
    std::error_code error;
    for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
      std::error_code none;
      if (entry->is_directory(none)) {
        if (!fs::equivalent(entry->path(), options_.output, none)) find_pages(entry->path(), files, visited);
      } else if (entry->is_regular_file(none) && is_page(entry->path())) {
        files.push_back(entry->path());
      }
    }
    if (!error) return;
    complain(folder.string() + ": the folder can't be read: " + error.message());
    ++failed_;
  }

  /// One page that can't be read costs its own texts only.
  void add(const fs::path& file, const fs::path& root, const fs::path& name) {
    Page page{file, options_.root.empty() ? root : options_.root, options_.output / name, {}, {}, {}};
    try {
      page.bytes = read_regular_file(file);
      if (page.bytes.starts_with("\xff\xfe") || page.bytes.starts_with("\xfe\xff"))
        throw InputError(file.string() + ": is UTF-16; save it as UTF-8");
      if (page.bytes.find('\0') != page.bytes.npos)
        throw InputError(file.string() + ": has NUL bytes; it is no HTML page");
    } catch (const InputError& fault) {
      complain(fault.what());
      ++failed_;
      return;
    }
    std::error_code error;
    if (fs::exists(page.target, error) && (!options_.overwrite || fs::equivalent(page.target, file, error)))
      throw Error(page.target.string() + (fs::equivalent(page.target, file, error)
                                              ? ": is the page itself; name another folder with --output"
                                              : ": is there already; name a new folder, or say --overwrite"));
    if (!targets_.insert(page.target.native()).second)
      throw UsageError(page.target.string() + ": would be written for two pages; do them apart");
    page.html = read_html(page.bytes);
    if (page.html.has_base) {
      warn(file.string() +
           ": has <base href>, which says that its addresses start elsewhere; its pictures are left alone");
      elsewhere_ += page.html.images.size();
    } else {
      for (size_t i = 0; i < page.html.images.size(); ++i) want(page, i);
    }
    pages_.push_back(std::move(page));
  }

  void want(Page& page, size_t number) {
    const HtmlImage& image = page.html.images[number];
    const bool empty = image.alt && image.alt->find_first_not_of(" \t\r\n") == std::string::npos;
    const bool stays = image.decorative || (image.alt && (empty ? options_.missing_only : !options_.replace));
    const auto source = local_file(image.source);
    if (!source) {
      ++elsewhere_;
    } else if (stays) {
      ++kept_;
    } else {
      const fs::path file = ((source->second ? page.root : page.file.parent_path()) / source->first).lexically_normal();
      std::error_code error;
      if (!fs::is_regular_file(file, error)) {
        complain(page.file.string() + ": " + file.string() + ": no such file");
        ++failed_;
        return;
      }
      const auto [known, is_new] = numbers_.emplace(file.native(), pictures_.size());
      if (is_new) pictures_.emplace_back(file);
      page.wants.emplace_back(number, known->second);
    }
  }

  const AltOptions& options_;
  std::vector<Page> pages_;
  std::set<std::string> targets_;
  std::map<std::string, size_t> numbers_;  // of pictures
  std::vector<PictureSource> pictures_;
  std::map<size_t, std::string> texts_;
  std::set<size_t> unsure_pictures_;
  size_t written_ = 0, kept_ = 0, elsewhere_ = 0, unsure_ = 0, failed_ = 0;
};

}  // namespace

int alt_command(const std::vector<std::string>& arguments) {
  AltOptions options;
  ModelCommand command(arguments, alt_syntax());
  options.list(command.list);
  command.files.list(command.list);
  command.decode.list(command.list);
  command.run.list(command.list);
  const auto line = command.read();
  if (!line) return 0;
  AltRun alt(options);
  if (!line->dump_config) {
    if (options.output.empty()) throw UsageError("say with --output DIR where the new pages are to go");
    alt.read(line->positional);
    alt.check_output();
  }
  if (!alt.pictures().empty() || line->dump_config) {
    auto ensemble = command.open();
    if (!ensemble) return 0;
    if (const auto fault = ensemble->confidence_fault(command.decode); options.min_confidence > 0 && !fault.empty())
      throw UsageError("--min-confidence: no confidence is known: " + fault);
    watch_interrupts();
    Progress progress("captioning", static_cast<int64_t>(alt.pictures().size()));
    caption_pictures(*ensemble, alt.pictures(), {command.decode, command.threads()}, terminal_host(progress),
                     [&](std::vector<SeenPicture>& batch) {
                       progress.clear();
                       for (auto& picture : batch) {
                         word_captions(picture, options.wording);
                         alt.take(picture);
                       }
                     });
  }
  alt.write();
  return alt.finish();
}

}  // namespace attend
