// Archives of pictures: tar, tar in gzip, and zip. Their members by name, read where they lie.
//
// A member is called by its archive's path and its name in it: "album.zip/beach.jpg".
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace attend {

/// A regular file in an archive.
struct ArchiveMember {
  std::string name;      // without empty parts and "."
  uint64_t place, size;  // tar: where its bytes begin; zip: its number. Bytes, unpacked, as the archive says
};

/// What an archive holds, in its order. Of members with one name the last counts, as tar and most others have it.
struct ArchiveContents {
  std::vector<ArchiveMember> members;
  // Why → names: members that can't be read or mustn't be, and what stands there and is no file of its own.
  std::map<std::string, std::vector<std::string>> refused, passed_over;

  /// Adds a member, or its name to the refused where it leads out of the archive: "/a", "a/../../b".
  void add(std::string_view name, uint64_t place, uint64_t size);
  /// Leaves the last of each name.
  void settle();
};

/// What is done with each member and its first bytes while an archive is listed.
using LookAtMember = std::function<void(const ArchiveMember& member, std::string_view first)>;

/// Archives in gzip, and zip archives, that stay listed, as each takes memory. Of more, in turns, each is listed anew, and one
/// in gzip unpacked for it, all of it.
constexpr size_t kMostPackedArchives = 16;

/// The bytes that a LookAtMember sees, at most.
constexpr size_t kLookBytes = 4096;

/// Lists an archive: in one pass where it is compressed as a whole. Throws InputError where it is no archive, is cut short or
/// damaged: nothing of it is read then.
ArchiveContents list_archive(const std::filesystem::path& archive, const LookAtMember& look);

/// The first bytes, at most `most`, of a member. Nothing where no part of the path is a file. An archive is listed once, as
/// long as it stays as it is. Throws InputError where there is no such member, it is damaged, is larger than 1 GiB, or
/// unpacks from a zip archive to more than 64 MiB and 100 times its packed size. Memory is taken for what really is there,
/// whatever the archive says. Any number of threads.
std::optional<std::string> read_archive_member(const std::filesystem::path& path, size_t most = SIZE_MAX);

/// The archive that a member's path begins with: the part of it that is a regular file. Nothing where none is, or all of it.
std::optional<std::filesystem::path> archive_of(const std::filesystem::path& path);

/// The size of a member, and when its archive was written last, ns since 1970. Nothing where it isn't there.
struct MemberStamp {
  uint64_t size;
  int64_t modified;
};
std::optional<MemberStamp> member_stamp(const std::filesystem::path& path);

}  // namespace attend
