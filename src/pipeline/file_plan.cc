#include "pipeline/file_plan.h"

#include <sys/stat.h>

#include <cstdio>
#include <cstring>
#include <functional>
#include <map>
#include <set>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/folder.h"

namespace attend {
namespace {

namespace fs = std::filesystem;

/// Of a file's name, not of "clip.mp4#t=2.5".
fs::path without_extension(fs::path path, const FoundPicture& picture) {
  const bool is_frame = picture.path.native().starts_with(picture.container.native() + "#");
  return is_frame && !picture.container.empty() ? path : path.replace_extension();
}

/// The path without what leads out of a folder it is joined to: "/a/../b/x.jpg" → "b/x.jpg".
fs::path inside(const fs::path& path) {
  fs::path kept;
  for (const auto& part : path.lexically_normal().relative_path())
    if (part != ".." && part != ".") kept /= part;
  return kept;
}

/// The path with an ending. A name that file systems would find too long loses its end, and gets a number made of all of
/// it instead.
fs::path with_ending(const fs::path& path, const std::string& ending) {
  constexpr size_t kLongestName = 255;
  std::string name = path.filename().string();
  if (name.size() + ending.size() > kLongestName) {
    char number[32];
    std::snprintf(number, sizeof number, "-%016zx", std::hash<std::string>()(name));
    size_t kept = kLongestName - ending.size() - std::strlen(number);
    while (kept > 0 && (name[kept] & 0xc0) == 0x80) --kept;  // not amid a character
    name = name.substr(0, kept) + number;
  }
  return path.parent_path() / (name + ending);
}

/// names[i]: shorter[i] where no other picture has it, else longer[i], else that with a number. `owner`: who has a name.
std::vector<fs::path> distinct_names(const std::vector<FoundPicture>& pictures, const std::vector<fs::path>& shorter,
                                     const std::vector<fs::path>& longer,
                                     std::unordered_map<std::string, fs::path>& owner) {
  std::unordered_map<std::string, fs::path> wants;  // short name → a picture of this list that would have it
  std::unordered_set<std::string> shared;
  for (size_t i = 0; i < pictures.size(); ++i)
    if (wants.emplace(shorter[i].native(), pictures[i].path).first->second != pictures[i].path)
      shared.insert(shorter[i].native());
  const auto is_free = [&](const fs::path& name, size_t i) {
    return owner.emplace(name.native(), pictures[i].path).first->second == pictures[i].path;
  };
  std::vector<fs::path> names(pictures.size());
  for (size_t i = 0; i < pictures.size(); ++i)
    if (!shared.contains(shorter[i].native()) && is_free(shorter[i], i)) names[i] = shorter[i];
  for (size_t i = 0; i < pictures.size(); ++i) {
    if (!names[i].empty()) continue;
    names[i] = longer[i];
    for (int number = 2; !is_free(names[i], i); ++number)
      names[i] = with_ending(longer[i], "-").concat(std::to_string(number));
  }
  return names;
}

/// Makes the folder if need be and writes a block there that never gets a name: a read-only or full folder shows now,
/// not after an hour.
void check_folder(const fs::path& folder) {
  make_folder(folder);
  const fs::path probe = folder / ".attend";
  try {
    AtomicFile(probe).write(std::string(4096, '\0'));
  } catch (const Error& fault) {
    const std::string what = fault.what();
    throw Error(folder.string() + what.substr(probe.string().size()));
  }
}

/// Which of the files that a picture could have are there already.
class Existing {
 public:
  /// owners: file → the picture it is written for.
  Existing(const std::vector<FoundPicture>& pictures, std::unordered_map<std::string, fs::path>& owners)
      : pictures_(pictures), owners_(owners) {}

  /// `target`, a file of `picture`, or nothing where it is there and stays. Throws UsageError where it is one of the
  /// pictures or a file of another one.
  fs::path wanted(fs::path target, const fs::path& picture, bool stays) {
    if (const auto owner = owners_.emplace(target.native(), picture).first->second; owner != picture)
      throw UsageError(target.string() + ": would be written for " + owner.string() + " and for " + picture.string() +
                       "; caption them apart");
    struct stat status;
    if (::stat(target.c_str(), &status) != 0) return target;
    if (is_picture(status))
      throw UsageError(target.string() + ": is one of the pictures and would be replaced; name another folder");
    return stays ? fs::path() : target;
  }

 private:
  bool is_picture(const struct stat& status) {
    if (files_.empty())
      for (const auto& picture : pictures_) {
        struct stat of_picture;
        if (::stat(picture.path.c_str(), &of_picture) == 0) files_.emplace(of_picture.st_dev, of_picture.st_ino);
      }
    return files_.count({status.st_dev, status.st_ino}) > 0;
  }

  const std::vector<FoundPicture>& pictures_;
  std::unordered_map<std::string, fs::path>& owners_;
  std::set<std::pair<dev_t, ino_t>> files_;
};

}  // namespace

std::vector<PictureFiles> FilePlanner::plan(const std::vector<FoundPicture>& pictures) {
  const bool sidecars = choice_.sidecar || !choice_.sidecar_dir.empty();
  const bool stays = choice_.if_exists != IfExists::overwrite, sidecar_stays = choice_.if_exists == IfExists::skip;
  std::vector<fs::path> shorter, longer, names, beside;  // names and beside: of files, without their endings
  if (choice_.has_folders()) {
    for (const auto& picture : pictures) {
      shorter.push_back(without_extension(inside(picture.name), picture));
      longer.push_back(inside(picture.path));
    }
    names = distinct_names(pictures, shorter, longer, in_folders_);
  }
  if (choice_.beside()) {
    shorter.clear(), longer.clear();
    for (const auto& picture : pictures) {
      if (!picture.container.empty())
        throw UsageError(picture.path.string() + ": lies in " + picture.container.string() +
                         ", and nothing is written into or beside it there; name a folder with --sidecar-dir");
      shorter.push_back(without_extension(picture.path.lexically_normal(), picture));
      longer.push_back(picture.path.lexically_normal());
    }
    beside = distinct_names(pictures, shorter, longer, beside_);
  }

  std::vector<PictureFiles> plan(pictures.size());
  Existing existing(pictures, files_);
  for (size_t i = 0; i < pictures.size(); ++i) {
    PictureFiles& files = plan[i];
    const auto wanted = [&](fs::path target) { return existing.wanted(std::move(target), pictures[i].path, stays); };
    if (sidecars) {
      const fs::path place = choice_.sidecar_dir.empty() ? beside[i] : choice_.sidecar_dir / names[i];
      files.sidecar = existing.wanted(with_ending(place, choice_.sidecar_ending), pictures[i].path, sidecar_stays);
    }
    if (choice_.xmp) files.xmp = wanted(with_ending(beside[i], ".xmp"));
    if (choice_.metadata) files.metadata = pictures[i].path;
    if (!choice_.overlay.empty()) {
      const fs::path page = choice_.overlay / names[i];
      files.page = wanted(with_ending(page, "." + choice_.overlay_format));
      if (choice_.overlay_words) files.words = wanted(with_ending(page, ".words"));
    }
    if (!choice_.maps.empty()) {
      const fs::path maps = choice_.maps / names[i];
      files.maps = wanted(with_ending(maps, "." + choice_.maps_format));
      if (choice_.explained && choice_.maps_format == "npy") {
        files.gradient = wanted(with_ending(maps, ".gradient.npy"));
        files.pixels = wanted(with_ending(maps, ".pixels.npy"));
      }
    }
    if (!choice_.animate.empty())
      files.animation = wanted(with_ending(choice_.animate / names[i], "." + choice_.animate_format));
  }
  return plan;
}

FolderFaults prepare_folders(std::vector<PictureFiles>& plan, const FileChoice& choice) {
  for (const auto* folder : {&choice.sidecar_dir, &choice.overlay, &choice.maps, &choice.animate})
    if (!folder->empty()) check_folder(*folder);
  struct Folder {
    std::string fault;  // "": it can be written
    size_t pictures = 0;
  };
  std::map<fs::path, Folder> folders;
  FolderFaults found{std::vector<bool>(plan.size()), {}, {}};
  size_t wanted = 0, refused = 0;  // files
  for (size_t i = 0; i < plan.size(); ++i) {
    std::set<Folder*> faulty;
    for (auto* file : plan[i].all()) {
      if (file->empty()) continue;
      ++wanted;
      const auto [folder, is_new] = folders.try_emplace(file->has_parent_path() ? file->parent_path() : fs::path("."));
      try {
        if (is_new) check_folder(folder->first);
      } catch (const Error& fault) {
        folder->second.fault = fault.what();
      }
      if (folder->second.fault.empty()) continue;
      faulty.insert(&folder->second);
      file->clear();
      ++refused;
    }
    for (auto* folder : faulty) ++folder->pictures;
    found.incomplete[i] = !faulty.empty();
  }
  for (const auto& [path, folder] : folders) {
    if (folder.fault.empty()) continue;
    if (refused == wanted) found.no_file = folder.fault;
    found.faults.push_back(folder.fault + "; files of " + std::to_string(folder.pictures) +
                           (folder.pictures == 1 ? " picture" : " pictures") + " would stand there and are left out");
  }
  return found;
}

}  // namespace attend
