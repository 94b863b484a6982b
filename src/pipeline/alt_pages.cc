#include "pipeline/alt_pages.h"

#include <algorithm>
#include <cctype>

#include "base/atomic_file.h"
#include "base/files.h"
#include "base/folder.h"
#include "pipeline/caption_outputs.h"

namespace attend {
namespace {

namespace fs = std::filesystem;

bool is_page(const fs::path& path) {
  std::string ending = path.extension();
  for (char& c : ending) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return ending == ".html" || ending == ".htm";
}

}  // namespace

PageIsThere::PageIsThere(const fs::path& page, bool is_source)
    : Error(page.string() + (is_source ? ": is the page itself" : ": is there already")), is_source_(is_source) {}

void AltPages::add(const fs::path& name) {
  std::error_code error;
  if (!fs::is_directory(name, error)) return add_page(name, name.parent_path(), name.filename());
  std::vector<fs::path> files;
  const size_t before = counts_.failed;
  VisitedFolders visited;
  find_pages(name, files, visited);
  if (files.empty() && counts_.failed == before) throw InputError(name.string() + ": no .html or .htm files in it");
  std::sort(files.begin(), files.end());
  for (const auto& file : files) add_page(file, name, file.lexically_relative(name));
}

void AltPages::check_output() const {
  if (pages_.empty()) return;
  make_folder(work_.output);
  check_writable(work_.output / "page.html");
}

void AltPages::take(const SeenPicture& seen) {
  if (seen.refused())
    fail(seen.refusal);
  else if (is_unsure(seen, work_.min_confidence))
    unsure_.insert(seen.index);
  else
    texts_[seen.index] = seen.best().text;
}

void AltPages::write() {
  for (const auto& page : pages_) {
    std::vector<std::pair<size_t, std::string>> texts;
    for (const auto& [image, picture] : page.wants) {
      counts_.unsure += unsure_.count(picture);
      if (const auto text = texts_.find(picture); text != texts_.end()) texts.emplace_back(image, text->second);
    }
    counts_.written += texts.size();
    make_folder(page.target.parent_path());
    write_file_atomically(page.target, with_alt_texts(page.bytes, page.html, texts));
  }
}

void AltPages::fail(const std::string& refusal) {
  work_.refuse(refusal);
  ++counts_.failed;
}

void AltPages::find_pages(const fs::path& folder, std::vector<fs::path>& files, VisitedFolders& visited) {
  if (!visited.enter(folder)) return;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    std::error_code none;
    if (entry->is_directory(none)) {
      if (!fs::equivalent(entry->path(), work_.output, none)) find_pages(entry->path(), files, visited);
    } else if (entry->is_regular_file(none) && is_page(entry->path())) {
      files.push_back(entry->path());
    }
  }
  if (error) fail(folder.string() + ": the folder can't be read: " + error.message());
}

void AltPages::add_page(const fs::path& file, const fs::path& root, const fs::path& name) {
  Page page{file, work_.root.empty() ? root : work_.root, work_.output / name, {}, {}, {}};
  try {
    page.bytes = read_regular_file(file);
    if (page.bytes.starts_with("\xff\xfe") || page.bytes.starts_with("\xfe\xff"))
      throw InputError(file.string() + ": is UTF-16; save it as UTF-8");
    if (page.bytes.find('\0') != page.bytes.npos)
      throw InputError(file.string() + ": has NUL bytes; it is no HTML page");
  } catch (const InputError& fault) {
    return fail(fault.what());
  }
  std::error_code error;
  const bool is_source = fs::equivalent(page.target, file, error);
  if (fs::exists(page.target, error) && (!work_.overwrite || is_source)) throw PageIsThere(page.target, is_source);
  if (!targets_.insert(page.target.native()).second)
    throw UsageError(page.target.string() + ": would be written for two pages; do them apart");
  page.html = read_html(page.bytes);
  if (page.html.has_base) {
    work_.warn(file.string() +
               ": has <base href>, which says that its addresses start elsewhere; its pictures are left alone");
    counts_.elsewhere += page.html.images.size();
  } else {
    for (size_t i = 0; i < page.html.images.size(); ++i) want(page, i);
  }
  pages_.push_back(std::move(page));
  ++counts_.pages;
}

void AltPages::want(Page& page, size_t number) {
  const HtmlImage& image = page.html.images[number];
  const bool empty = image.alt && image.alt->find_first_not_of(" \t\r\n") == std::string::npos;
  const bool stays = image.decorative || (image.alt && (empty ? work_.missing_only : !work_.replace));
  const auto source = local_file(image.source);
  if (!source) {
    ++counts_.elsewhere;
    return;
  }
  if (stays) {
    ++counts_.kept;
    return;
  }
  const fs::path file = ((source->second ? page.root : page.file.parent_path()) / source->first).lexically_normal();
  std::error_code error;
  if (!fs::is_regular_file(file, error)) return fail(page.file.string() + ": " + file.string() + ": no such file");
  const auto [known, is_new] = numbers_.emplace(file.native(), pictures_.size());
  if (is_new) pictures_.emplace_back(file);
  page.wants.emplace_back(number, known->second);
}

}  // namespace attend
