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

namespace attend {
namespace {

namespace fs = std::filesystem;

fs::path without_extension(fs::path path) { return path.replace_extension(); }

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

/// names[i]: shorter[i] where no other picture has it, else longer[i], else that with a number.
std::vector<fs::path> distinct_names(const std::vector<FoundPicture>& pictures, const std::vector<fs::path>& shorter,
                                     const std::vector<fs::path>& longer) {
  std::unordered_map<std::string, size_t> owner;  // short name → a picture that has it
  std::unordered_set<std::string> shared;
  for (size_t i = 0; i < pictures.size(); ++i) {
    const auto [found, is_new] = owner.emplace(shorter[i].native(), i);
    if (!is_new && pictures[found->second].path != pictures[i].path) shared.insert(shorter[i].native());
  }
  for (const auto& name : shared) owner.erase(name);
  std::vector<fs::path> names;
  for (size_t i = 0; i < pictures.size(); ++i) {
    if (shared.count(shorter[i].native()) == 0) {
      names.push_back(shorter[i]);
      continue;
    }
    fs::path name = longer[i];
    for (int number = 2;; ++number) {
      const auto [found, is_new] = owner.emplace(name.native(), i);
      if (is_new || pictures[found->second].path == pictures[i].path) break;
      name = with_ending(longer[i], "-").concat(std::to_string(number));
    }
    names.push_back(std::move(name));
  }
  return names;
}

/// Makes the folder if need be and writes a block there that never gets a name: a read-only or full folder shows now,
/// not after an hour.
void check_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw Error(folder.string() + ": the folder can't be made: " + error.message());
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
  Existing(const std::vector<FoundPicture>& pictures, bool overwrite) : pictures_(pictures), overwrite_(overwrite) {}

  /// `target`, a file of `picture`, or nothing where it is there and stays. Throws UsageError where it is one of the
  /// pictures or a file of another one.
  fs::path wanted(fs::path target, const fs::path& picture) {
    if (const auto owner = owners_.emplace(target.native(), picture).first->second; owner != picture)
      throw UsageError(target.string() + ": would be written for " + owner.string() + " and for " + picture.string() +
                       "; caption them apart");
    struct stat status;
    if (::stat(target.c_str(), &status) != 0) return target;
    if (is_picture(status))
      throw UsageError(target.string() + ": is one of the pictures and would be replaced; name another folder");
    return overwrite_ ? target : fs::path();
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
  const bool overwrite_;
  std::set<std::pair<dev_t, ino_t>> files_;
  std::unordered_map<std::string, fs::path> owners_;  // file → the picture it is written for
};

}  // namespace

std::vector<PictureFiles> plan_files(const std::vector<FoundPicture>& pictures, const FileChoice& choice) {
  const bool sidecars = choice.sidecar || !choice.sidecar_dir.empty();
  const bool beside = sidecars && choice.sidecar_dir.empty();
  std::vector<fs::path> shorter, longer;
  for (const auto& [path, name] : pictures) {
    shorter.push_back(without_extension(inside(name)));
    longer.push_back(inside(path));
  }
  const auto names = distinct_names(pictures, shorter, longer);
  std::vector<fs::path> places;  // of sidecars, without .txt
  if (beside) {
    for (size_t i = 0; i < pictures.size(); ++i) {
      shorter[i] = without_extension(pictures[i].path.lexically_normal());
      longer[i] = pictures[i].path.lexically_normal();
    }
    places = distinct_names(pictures, shorter, longer);
  } else {
    for (const auto& name : names) places.push_back(choice.sidecar_dir / name);
  }

  std::vector<PictureFiles> plan(pictures.size());
  Existing existing(pictures, choice.overwrite);
  for (size_t i = 0; i < pictures.size(); ++i) {
    PictureFiles& files = plan[i];
    const auto wanted = [&](fs::path target) { return existing.wanted(std::move(target), pictures[i].path); };
    if (sidecars) files.sidecar = wanted(with_ending(places[i], ".txt"));
    if (!choice.overlay.empty()) {
      const fs::path page = choice.overlay / names[i];
      files.page = wanted(with_ending(page, "." + choice.overlay_format));
      if (choice.overlay_words) files.words = wanted(with_ending(page, ".words"));
    }
    if (!choice.maps.empty()) {
      const fs::path maps = choice.maps / names[i];
      files.maps = wanted(with_ending(maps, "." + choice.maps_format));
      if (choice.explained && choice.maps_format == "npy") {
        files.gradient = wanted(with_ending(maps, ".gradient.npy"));
        files.pixels = wanted(with_ending(maps, ".pixels.npy"));
      }
    }
    if (!choice.animate.empty())
      files.animation = wanted(with_ending(choice.animate / names[i], "." + choice.animate_format));
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
  FolderFaults found{std::vector<bool>(plan.size()), {}};
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
    if (refused == wanted) throw Error(folder.fault);
    found.faults.push_back(folder.fault + "; files of " + std::to_string(folder.pictures) +
                           (folder.pictures == 1 ? " picture" : " pictures") + " would stand there and are left out");
  }
  return found;
}

}  // namespace attend
