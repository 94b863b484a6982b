#include "pipeline/captioned_index.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <string_view>

#include "base/archive.h"
#include "base/error.h"
#include "base/escape.h"
#include "base/files.h"
#include "data/hash.h"

namespace attend {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kHead = "# attend: pictures that have been captioned. XXH3, size, modified (ns), file\n";

std::string absolute_name(const fs::path& path) { return fs::absolute(path).lexically_normal().native(); }

/// Takes the number that `line` begins with, and the tab behind it.
template <class Number>
bool take_number(std::string_view& line, Number& number, int base) {
  const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), number, base);
  if (error != std::errc() || end == line.data() + line.size() || *end != '\t') return false;
  line.remove_prefix(static_cast<size_t>(end - line.data()) + 1);
  return true;
}

}  // namespace

CaptionedIndex::CaptionedIndex(const fs::path& file) : file_(file) {
  std::error_code error;
  if (!fs::exists(file, error)) {
    check_writable(file);
    return;
  }
  const std::string text = read_regular_file(file);
  is_new_ = text.empty();
  if (!is_new_ && !is_index(text))
    throw InputError(file.string() + ": is no index of captioned pictures; nothing was written to it");
  if (::access(file.c_str(), W_OK) != 0) throw Error(file.string() + ": can't be written: " + std::strerror(errno));
  line_open_ = !is_new_ && text.back() != '\n';
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    if (end > at && text[at] != '#') take(text.substr(at, end - at));
    at = end + 1;
  }
}

bool CaptionedIndex::parse(std::string_view& line, Entry& entry) {
  return line.find('\t') == 16 && take_number(line, entry.hash, 16) && take_number(line, entry.stamp.size, 10) &&
         take_number(line, entry.stamp.modified, 10) && line.starts_with('/');
}

bool CaptionedIndex::is_index(std::string_view text) { return text.starts_with(kHead); }

std::string CaptionedIndex::joined(const std::vector<std::string_view>& indexes) {
  std::string made(kHead);
  std::unordered_set<std::string_view> there;
  for (const auto index : indexes)
    for (size_t at = 0, end; (end = index.find('\n', at)) != index.npos; at = end + 1) {
      const auto line = index.substr(at, end - at);
      auto rest = line;
      if (Entry entry; parse(rest, entry) && there.insert(line).second) made.append(line).append("\n");
    }
  return made;
}

void CaptionedIndex::take(const std::string& text) {
  std::string_view line = text;
  Entry entry{};
  if (!parse(line, entry)) {
    ++faulty_;
    return;
  }
  by_path_[unescaped(line)] = entry;
  sizes_.insert(entry.stamp.size);
  hashes_.insert(entry.hash);
}

CaptionedIndex::Stamp CaptionedIndex::stamp_of(const fs::path& picture) {
  struct stat status;
  if (::stat(picture.c_str(), &status) != 0) {
    const auto member = errno == ENOTDIR ? member_stamp(picture) : std::nullopt;
    return member ? Stamp{member->size, member->modified} : Stamp();
  }
  return {static_cast<uint64_t>(status.st_size),
          status.st_mtim.tv_sec * int64_t{1'000'000'000} + status.st_mtim.tv_nsec};
}

bool CaptionedIndex::knows(const fs::path& picture, const Stamp& stamp) const {
  if (!sizes_.contains(stamp.size)) return false;
  const auto known = by_path_.find(absolute_name(picture));
  if (known != by_path_.end() && known->second.stamp == stamp) return true;
  try {
    return hashes_.contains(hash_bytes(read_regular_file(picture)));
  } catch (const InputError&) {
    return false;
  }
}

std::string CaptionedIndex::line_of(const fs::path& picture, const Stamp& stamp) {
  try {
    const std::string bytes = read_regular_file(picture);
    if (stamp_of(picture) != stamp || bytes.size() != stamp.size) return "";
    char start[80];
    std::snprintf(start, sizeof start, "%016" PRIx64 "\t%" PRIu64 "\t%" PRId64 "\t", hash_bytes(bytes), stamp.size,
                  stamp.modified);
    return start + escaped(absolute_name(picture)) + "\n";
  } catch (const InputError&) {
    return "";
  }
}

void CaptionedIndex::add(const std::string& lines) {
  if (lines.empty()) return;
  const int file = ::open(file_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
  const auto fail = [&] { throw Error(file_.string() + ": can't be written: " + std::strerror(errno)); };
  if (file < 0) fail();
  // Another program may have begun the file meanwhile: two heads do no harm.
  const std::string text = (is_new_ ? std::string(kHead) : line_open_ ? "\n" : "") + lines;
  const ssize_t written = ::write(file, text.data(), text.size());
  const bool whole = written == static_cast<ssize_t>(text.size());
  if (written >= 0 && !whole) errno = ENOSPC;
  const int fault = errno;
  if (written > 0) is_new_ = false, line_open_ = !whole;
  ::close(file);
  errno = fault;
  if (!whole) fail();
  for (size_t at = 0, end; (end = lines.find('\n', at)) != lines.npos; at = end + 1) take(lines.substr(at, end - at));
}

}  // namespace attend
