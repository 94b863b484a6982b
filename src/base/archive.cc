#include "base/archive.h"

#include <sys/stat.h>

#include <algorithm>
#include <memory>
#include <mutex>
#include <numeric>
#include <unordered_map>

#include "base/error.h"
#include "base/gzip.h"
#include "base/tar.h"
#include "base/zip.h"

namespace attend {
namespace {

namespace fs = std::filesystem;

/// Larger members aren't read: more than the largest picture takes without compression.
constexpr uint64_t kMostMember = 1 << 30;

/// Members by their names, in 24 bytes beside each name: data sets have millions.
class MemberIndex {
 public:
  MemberIndex() = default;
  /// Of the first of each name.
  explicit MemberIndex(const std::vector<ArchiveMember>& members) {
    std::vector<uint32_t> order(members.size());
    std::iota(order.begin(), order.end(), uint32_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](uint32_t a, uint32_t b) { return members[a].name < members[b].name; });
    entries_.reserve(members.size() + 1);
    for (const uint32_t i : order) {
      entries_.push_back({names_.size(), members[i].place, members[i].size});
      names_ += members[i].name;
    }
    entries_.push_back({names_.size(), 0, 0});
    names_.shrink_to_fit();
  }

  std::optional<ArchiveMember> find(std::string_view name) const {
    size_t first = 0, last = entries_.empty() ? 0 : entries_.size() - 1;
    while (first < last) {
      const size_t middle = first + (last - first) / 2;
      name_of(middle) < name ? first = middle + 1 : last = middle;
    }
    if (first + 1 >= entries_.size() || name_of(first) != name) return std::nullopt;
    return ArchiveMember{std::string(name), entries_[first].place, entries_[first].size};
  }

 private:
  struct Entry {
    uint64_t name, place, size;  // name: where it begins
  };
  std::string_view name_of(size_t i) const {
    return std::string_view(names_).substr(entries_[i].name, entries_[i + 1].name - entries_[i].name);
  }

  std::string names_;           // in their order
  std::vector<Entry> entries_;  // by name; behind them one that says where the last ends
};

/// An archive that has been listed.
struct Listed {
  struct stat status;
  MemberIndex index;
  std::unique_ptr<ByteSource> tar;  // one of both
  std::unique_ptr<ZipFile> zip;
};

bool is_same(const struct stat& a, const struct stat& b) {
  return a.st_ino == b.st_ino && a.st_size == b.st_size && a.st_mtim.tv_sec == b.st_mtim.tv_sec &&
         a.st_mtim.tv_nsec == b.st_mtim.tv_nsec;
}

std::shared_ptr<const Listed> list(const fs::path& path, const struct stat& status, ArchiveContents& contents,
                                   const LookAtMember& look) {
  auto listed = std::make_shared<Listed>();
  listed->status = status;
  auto file = std::make_unique<FileBytes>(path);
  const std::string first = file->read(0, 4);
  if (first == "PK\x03\x04" || first == "PK\x05\x06") {
    listed->zip = std::make_unique<ZipFile>(path);
    contents = listed->zip->list(look);
  } else {
    listed->tar = std::move(file);
    if (first.starts_with("\x1f\x8b")) listed->tar = std::make_unique<GzipFile>(path);
    contents = list_tar(*listed->tar, look);
  }
  listed->index = MemberIndex(contents.members);
  return listed;
}

/// The archives that were listed last. A data set of many has each of them read at any time; those that take more memory, as
/// they are compressed or kept open, are few.
class Shelf {
 public:
  std::shared_ptr<const Listed> find(const fs::path& path, const struct stat& status) {
    const std::lock_guard lock(mutex_);
    const auto found = books_.find(path.native());
    if (found == books_.end() || !is_same(found->second.listed->status, status)) return nullptr;
    found->second.used = ++clock_;
    return found->second.listed;
  }

  void put(const fs::path& path, std::shared_ptr<const Listed> listed) {
    const std::lock_guard lock(mutex_);
    books_[path.native()] = {std::move(listed), ++clock_};
    const auto is_large = [](const auto& book) {
      return !dynamic_cast<const FileBytes*>(book.second.listed->tar.get());
    };
    if (std::count_if(books_.begin(), books_.end(), is_large) <= ptrdiff_t{kMostPackedArchives}) return;
    auto oldest = books_.end();
    for (auto book = books_.begin(); book != books_.end(); ++book)
      if (is_large(*book) && (oldest == books_.end() || book->second.used < oldest->second.used)) oldest = book;
    books_.erase(oldest);
  }

  std::mutex listing;  // held while an archive is listed, so that no two threads list the same

 private:
  struct Book {
    std::shared_ptr<const Listed> listed;
    uint64_t used = 0;
  };
  std::mutex mutex_;
  std::unordered_map<std::string, Book> books_;
  uint64_t clock_ = 0;
};

Shelf& shelf() {
  static Shelf one;
  return one;
}

/// The archive of a member, and the member; nothing where no part of the path is a file. Throws InputError where the archive
/// has no such member.
struct Found {
  std::shared_ptr<const Listed> archive;
  ArchiveMember member;
};
std::optional<Found> find(const fs::path& path) {
  const auto archive = archive_of(path);
  struct stat status;
  if (!archive || ::stat(archive->c_str(), &status) != 0) return std::nullopt;
  auto listed = shelf().find(*archive, status);
  if (!listed) {
    const std::lock_guard lock(shelf().listing);
    listed = shelf().find(*archive, status);
    if (!listed) {
      ArchiveContents contents;
      listed = list(*archive, status, contents, nullptr);
      shelf().put(*archive, listed);
    }
  }
  const auto length = std::distance(archive->begin(), archive->end());
  fs::path inside;
  for (auto part = std::next(path.begin(), length); part != path.end(); ++part) inside /= *part;
  auto found = listed->index.find(inside.native());
  if (!found) throw InputError(path.string() + ": the archive has no such file");
  return Found{listed, *std::move(found)};
}

}  // namespace

void ArchiveContents::add(std::string_view name, uint64_t place, uint64_t size) {
  std::string kept;
  bool leads_out = name.starts_with('/');
  for (size_t at = 0; at <= name.size();) {
    const size_t end = std::min(name.find('/', at), name.size());
    const auto part = name.substr(at, end - at);
    leads_out |= part == "..";
    if (!part.empty() && part != ".") (kept += kept.empty() ? "" : "/") += part;
    at = end + 1;
  }
  if (leads_out || kept.empty())
    refused["the name leads out of the archive"].emplace_back(name);
  else
    members.push_back({std::move(kept), place, size});
}

void ArchiveContents::settle() {
  std::unordered_map<std::string, size_t> last;
  for (size_t i = 0; i < members.size(); ++i) last[members[i].name] = i;
  size_t i = 0;
  std::erase_if(members, [&](const ArchiveMember& member) {
    const bool again = last[member.name] != i++;
    if (again) passed_over["another of its name stands behind it"].push_back(member.name);
    return again;
  });
}

ArchiveContents list_archive(const fs::path& archive, const LookAtMember& look) {
  struct stat status {};
  ::stat(archive.c_str(), &status);  // a fault shows when it is opened
  ArchiveContents contents;
  shelf().put(archive, list(archive, status, contents, look));
  return contents;
}

std::optional<std::string> read_archive_member(const fs::path& path, size_t most) {
  const auto found = find(path);
  if (!found) return std::nullopt;
  const auto& [archive, member] = *found;
  const uint64_t wanted = std::min<uint64_t>(member.size, most);
  if (wanted > kMostMember) throw InputError(path.string() + ": is larger than 1 GiB; not read from an archive");
  if (archive->zip) return archive->zip->read(member.place, most, path.string());
  std::string bytes = archive->tar->read(member.place, wanted);
  if (bytes.size() < wanted) throw InputError(path.string() + ": was cut short while it was read");
  return bytes;
}

std::optional<fs::path> archive_of(const fs::path& path) {
  struct stat status;
  fs::path archive = path;
  if (::stat(path.c_str(), &status) == 0) return std::nullopt;
  do {
    if (archive == archive.parent_path()) return std::nullopt;
    archive = archive.parent_path();
    if (archive.empty()) return std::nullopt;
  } while (::stat(archive.c_str(), &status) != 0);
  if (!S_ISREG(status.st_mode)) return std::nullopt;
  return archive;
}

std::optional<MemberStamp> member_stamp(const fs::path& path) {
  try {
    const auto found = find(path);
    if (!found) return std::nullopt;
    const auto& time = found->archive->status.st_mtim;
    return MemberStamp{found->member.size, time.tv_sec * int64_t{1'000'000'000} + time.tv_nsec};
  } catch (const InputError&) {
    return std::nullopt;
  }
}

}  // namespace attend
