#include "vision/find_pictures.h"

#include <fnmatch.h>
#include <glob.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/archive.h"
#include "base/error.h"
#include "base/files.h"
#include "base/nearest.h"
#include "base/visited_folders.h"
#include "vision/kind.h"
#include "vision/mark.h"

namespace attend {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 29> kExtensions{
    ".jpg", ".jpeg", ".jpe",  ".jfif", ".png",  ".gif", ".webp", ".tif", ".tiff", ".bmp",
    ".dib", ".mpo",  ".apng", ".heic", ".heif", ".hif", ".avif", ".jxl", ".jp2",  ".j2k",
    ".jpf", ".jpx",  ".pnm",  ".ppm",  ".pgm",  ".pbm", ".pam",  ".ico", ".cur"};

/// Of pictures that attend doesn't read: what a file is called that is none by its content.
constexpr std::pair<std::string_view, std::string_view> kForeign[] = {{".jxr", "JPEG XR"},
                                                                      {".wdp", "JPEG XR"},
                                                                      {".tga", "TGA"},
                                                                      {".pcx", "PCX"},
                                                                      {".psd", "Photoshop (PSD)"},
                                                                      {".psb", "Photoshop (PSB)"},
                                                                      {".xcf", "GIMP (XCF)"},
                                                                      {".svg", "SVG"},
                                                                      {".svgz", "SVG"},
                                                                      {".eps", "EPS"},
                                                                      {".wbmp", "WBMP"},
                                                                      {".xbm", "XBM"},
                                                                      {".xpm", "XPM"},
                                                                      {".pct", "PICT"},
                                                                      {".pict", "PICT"},
                                                                      {".pcd", "Photo CD"},
                                                                      {".exr", "OpenEXR"},
                                                                      {".hdr", "Radiance HDR"},
                                                                      {".dng", "camera raw (DNG)"},
                                                                      {".cr2", "camera raw (CR2)"},
                                                                      {".cr3", "camera raw (CR3)"},
                                                                      {".crw", "camera raw (CRW)"},
                                                                      {".nef", "camera raw (NEF)"},
                                                                      {".nrw", "camera raw (NRW)"},
                                                                      {".arw", "camera raw (ARW)"},
                                                                      {".sr2", "camera raw (SR2)"},
                                                                      {".srf", "camera raw (SRF)"},
                                                                      {".orf", "camera raw (ORF)"},
                                                                      {".rw2", "camera raw (RW2)"},
                                                                      {".raf", "camera raw (RAF)"},
                                                                      {".pef", "camera raw (PEF)"},
                                                                      {".x3f", "camera raw (X3F)"},
                                                                      {".srw", "camera raw (SRW)"},
                                                                      {".3fr", "camera raw (3FR)"},
                                                                      {".iiq", "camera raw (IIQ)"},
                                                                      {".erf", "camera raw (ERF)"},
                                                                      {".kdc", "camera raw (KDC)"}};

std::string extension_of(const fs::path& path) {
  std::string extension = path.extension().string();
  for (auto& letter : extension) letter = static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
  return extension;
}

/// The kind of picture, which attend doesn't read, that the extension promises, or "".
std::string_view foreign_kind(const fs::path& path) {
  const std::string extension = extension_of(path);
  for (const auto& [end, name] : kForeign)
    if (extension == end) return name;
  return "";
}

/// Folders in which programs keep what is no picture of the owner's: Synology's thumbnails and bin, copies from macOS.
constexpr std::array<std::string_view, 3> kProgramFolders{"@eaDir", "#recycle", "__MACOSX"};

bool is_program_folder(const std::string& name) {
  return name[0] == '.' || std::find(kProgramFolders.begin(), kProgramFolders.end(), name) != kProgramFolders.end();
}

static_assert(kLookBytes >= kKindBytes);

/// A file by its first bytes.
struct Glance {
  Kind kind;
  bool own = false, opened = false;
};

Kind kind_of_bytes(std::string_view first) {
  return kind_of({reinterpret_cast<const unsigned char*>(first.data()), first.size()});
}

Glance glance_at(const fs::path& path) {
  try {
    const std::string first = read_regular_file(path, kKindBytes);
    const Kind kind = kind_of_bytes(first);
    return {kind, kind.use == Kind::kRead && is_marked(path, first), true};
  } catch (const InputError&) {
    return {};
  }
}

/// Whether a file is called as archives are: others are made of zip archives, too (documents, programs).
bool has_archive_extension(const fs::path& path) {
  const std::string extension = extension_of(path);
  return extension == ".zip" || extension == ".cbz" || extension == ".tar" || extension == ".tgz" ||
         (extension == ".gz" && extension_of(path.stem()) == ".tar");
}

constexpr const char* kOfVideos = "attend caption --frame-every SECONDS captions its frames";

/// "3 files passed over: WHY (a, b, …)"
template <class Names>
std::string counted(const Names& names, const std::string& what, const std::string& why) {
  constexpr size_t kMostNames = 3;
  std::string shown;
  for (size_t i = 0; i < std::min<size_t>(names.size(), kMostNames); ++i)
    shown += (i ? ", " : "") + fs::path(names[i]).string();
  if (names.size() > kMostNames) shown += ", …";
  return std::to_string(names.size()) + " " + what + (names.size() == 1 ? "" : "s") + " " + why + " (" + shown + ")";
}

/// Whether a file is the caption that `attend caption --sidecar` or `--xmp` writes beside a picture.
bool is_sidecar(const fs::path& path) {
  if (const auto ending = path.extension(); ending != ".txt" && ending != ".caption" && ending != ".xmp") return false;
  const auto stem =
      fs::path(path).replace_extension();  // "beach", or "beach.jpg" where another picture is called beach
  std::error_code error;
  if (has_picture_extension(stem) && fs::is_regular_file(stem, error)) return true;
  for (fs::directory_iterator entry(stem.has_parent_path() ? stem.parent_path() : ".", error), end;
       !error && entry != end; entry.increment(error))
    if (entry->path().stem() == stem.filename() && has_picture_extension(entry->path())) return true;
  return false;
}

std::string passed_over(const std::vector<fs::path>& paths, const std::string& what, const std::string& why) {
  return counted(paths, what, "passed over: " + why);
}

class Finder {
 public:
  Finder(bool recursive, const std::vector<std::string>& exclude, bool videos)
      : recursive_(recursive), exclude_(exclude), videos_(videos) {}

  void add(const std::string& argument) {
    if (argument == kStandardInput) return found_.pictures.push_back({argument, "stdin"});
    std::error_code error;
    if (fs::symlink_status(argument, error).type() != fs::file_type::not_found) return add_existing(argument);
    if (const auto archive = archive_of(argument); archive && glance_at(*archive).kind.use == Kind::kArchive)
      return member_stamp(argument) ? add_member(argument, *archive)
                                    : add_archive(*archive, fs::path(argument).lexically_relative(*archive).native());
    const bool pattern = argument.find_first_of("*?[") != std::string::npos;
    const auto paths = pattern ? matches(argument) : std::vector<std::string>();
    if (paths.empty())
      found_.refusals.push_back(argument + (pattern ? ": no file matches this pattern" : ": no such file or folder") +
                                advice(argument));
    for (const auto& path : paths) add_existing(path);
  }

  FoundPictures take() { return std::move(found_); }

 private:
  /// What else an argument that names nothing may have meant.
  std::string advice(const std::string& argument) {
    constexpr int kMostLooked = 20;  // each looks through a folder
    if (argument.starts_with("http://") || argument.starts_with("https://"))
      return "; what lies on the web has to be fetched first (curl -s URL | attend caption -)";
    if (argument.starts_with("~/")) return "; only a shell reads ~ as your folder: write it out";
    return looked_near_++ < kMostLooked ? near_file(argument) : "";
  }

  /// What a pattern matches, sorted bytewise.
  static std::vector<std::string> matches(const std::string& pattern) {
    glob_t found{};
    std::vector<std::string> paths;
    if (::glob(pattern.c_str(), GLOB_NOSORT, nullptr, &found) == 0)
      paths.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
    ::globfree(&found);
    std::sort(paths.begin(), paths.end());
    return paths;
  }

  void add_existing(const fs::path& path) {
    std::error_code error;
    if (!fs::is_directory(path, error)) {
      if (excluded(path, path)) return;
      const Glance glance = glance_at(path);
      if (glance.own || (glance.opened && glance.kind.use == Kind::kOther && is_sidecar(path)))
        found_.own.push_back(path);
      else if (glance.kind.use == Kind::kArchive)
        add_archive(path, "");
      else if (glance.kind.use == Kind::kVideo && !videos_)
        found_.refusals.push_back(path.string() + ": " + std::string(glance.kind.name) + "; " + kOfVideos);
      else if (glance.kind.use == Kind::kVideo)
        found_.pictures.push_back({path, path.filename(), {}, true});
      else
        found_.pictures.push_back({path, path.filename()});
      return;
    }
    const size_t pictures = found_.pictures.size(), refusals = found_.refusals.size();
    VisitedFolders visited;
    bool deeper = false;
    subfolders_.clear();
    walk(path, {}, visited, deeper);
    if (found_.pictures.size() == pictures && found_.refusals.size() == refusals)
      return found_.empty.push_back({path, deeper});
    for (const auto& folder : subfolders_)
      if (holds_pictures(folder)) found_.below.push_back(folder);
  }

  /// A member that is named: found by the archive's index, however many are.
  void add_member(const fs::path& path, const fs::path& archive) {
    if (excluded(path, path)) return;
    const Glance glance = glance_at(path);
    if (glance.own)
      found_.own.push_back(path);
    else if (glance.kind.use == Kind::kArchive)
      found_.nested.push_back(path);
    else if (glance.kind.use == Kind::kVideo)
      found_.refusals.push_back(path.string() + ": " + std::string(glance.kind.name) +
                                "; unpack it to caption its frames");
    else
      found_.pictures.push_back({path, path.filename(), archive});  // whose reader says what is wrong
  }

  /// What an archive has of `inside`: a folder, a pattern; "": all.
  void add_archive(const fs::path& archive, std::string inside) {
    if (inside.ends_with('/') || inside == ".") inside.pop_back();
    if (excluded(archive, archive)) return;
    struct Seen {
      Kind kind;
      bool own;
      std::string webp;  // its first bytes: whether it is attend's own shows when more of it is read
    };
    std::map<std::string, Seen> members;
    ArchiveContents contents;
    try {
      contents = list_archive(archive, [&](const ArchiveMember& member, std::string_view first) {
        const Kind kind = kind_of_bytes(first);
        const bool is_webp = kind.name == "WebP";
        members[member.name] = {kind, kind.use == Kind::kRead && !is_webp && is_marked({}, first),
                                is_webp ? std::string(first) : ""};
      });
    } catch (const InputError& fault) {
      return found_.refusals.push_back(fault.what());
    }
    for (const auto& [why, names] : contents.refused)
      found_.refusals.push_back(archive.string() + ": " + counted(names, "file", "not read: " + why));
    for (const auto& [why, names] : contents.passed_over)
      found_.of_archives.push_back(archive.string() + ": " + counted(names, "file", "passed over: " + why));
    const size_t pictures = found_.pictures.size();
    bool any = inside.empty();
    std::vector<fs::path> videos;
    for (auto& [member, seen] : members) {
      const bool is_below = member.starts_with(inside + "/");
      if (!inside.empty()) {
        if (!is_below && ::fnmatch(inside.c_str(), member.c_str(), 0) != 0) continue;
        any = true;
      }
      const fs::path path = archive / member;
      const fs::path name = is_below ? member.substr(inside.size() + 1) : member;
      if (!enters(archive, member, is_below ? inside.size() + 1 : 0)) continue;
      if (excluded(path, name)) continue;
      if (!seen.webp.empty()) seen.own = is_marked(path, seen.webp);
      if (seen.kind.use == Kind::kArchive && has_archive_extension(path))
        found_.nested.push_back(path);
      else if (seen.kind.use == Kind::kVideo)
        videos.push_back(path);
      else
        sort_in({seen.kind, seen.own, true}, {path, name, archive});
    }
    if (!videos.empty()) found_.of_archives.push_back(passed_over(videos, "video", "unpack one to caption its frames"));
    if (!any) found_.refusals.push_back((archive / inside).string() + ": the archive has no such file or folder");
    if (any && found_.pictures.size() == pictures && contents.refused.empty())
      found_.empty.push_back({inside.empty() ? archive : archive / inside, false});
  }

  /// Whether the folders that a member lies in, below the first `from` letters, are those of pictures.
  bool enters(const fs::path& archive, const std::string& member, size_t from) {
    for (size_t at = from, end; (end = member.find('/', at)) != member.npos; at = end + 1) {
      const fs::path folder = member.substr(0, end);
      if (is_program_folder(folder.filename())) {
        if (found_.not_entered.empty() || found_.not_entered.back() != archive / folder)
          found_.not_entered.push_back(archive / folder);
        return false;
      }
      if (excluded(archive / folder, folder)) return false;
    }
    return member.find('/', from) == member.npos ? member[from] != '.' : fs::path(member).filename().native()[0] != '.';
  }

  bool excluded(const fs::path& path, const fs::path& name) const {
    return std::any_of(exclude_.begin(), exclude_.end(), [&](const std::string& given) {
      const std::string pattern = given.ends_with('/') ? given.substr(0, given.size() - 1) : given;
      const auto matches = [&](const fs::path& text) { return ::fnmatch(pattern.c_str(), text.c_str(), 0) == 0; };
      return pattern.find('/') == pattern.npos ? matches(path.filename()) : matches(path) || matches(name);
    });
  }

  /// `name`: of the folder, below the one that was named.
  void walk(const fs::path& folder, const fs::path& name, VisitedFolders& visited, bool& deeper) {
    if (!visited.enter(folder)) return;
    std::error_code error;
    std::vector<std::pair<std::string, bool>> entries;  // name, and whether it is a folder
    for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
      std::string file = entry->path().filename().string();
      std::error_code dead_link;
      const bool is_folder = entry->is_directory(dead_link);
      if (excluded(folder / file, name / file)) continue;
      if (is_folder ? !is_program_folder(file) : file[0] != '.')
        entries.emplace_back(std::move(file), is_folder);
      else if (is_folder && recursive_)
        found_.not_entered.push_back(folder / file);
      else if (!is_folder && is_hidden_picture(folder / file))
        found_.hidden.push_back(folder / file);
    }
    if (error) found_.refusals.push_back(folder.string() + ": the folder can't be read: " + error.message());
    std::sort(entries.begin(), entries.end());
    for (const auto& [entry, is_folder] : entries) {
      if (!is_folder)
        look_at(folder / entry, name / entry);
      else if (recursive_)
        walk(folder / entry, name / entry, visited, deeper);
      else
        deeper = true, subfolders_.push_back(folder / entry);
    }
  }

  /// What other systems' file managers leave beside each picture (._beach.jpg) is none.
  static bool is_hidden_picture(const fs::path& path) {
    if (!has_picture_extension(path)) return false;
    const Glance glance = glance_at(path);
    return glance.kind.use == Kind::kRead && !glance.own;
  }

  /// Whether one of the first files that are called as pictures are is one, and not attend's own.
  static bool holds_pictures(const fs::path& folder) {
    constexpr int kMostLooked = 8;
    std::error_code error;
    int looked = 0;
    for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
      if (entry->path().filename().native()[0] == '.' || !has_picture_extension(entry->path())) continue;
      const Glance glance = glance_at(entry->path());
      if (glance.kind.use == Kind::kRead && !glance.own) return true;
      if (++looked == kMostLooked) return false;
    }
    return false;
  }

  /// A file in a folder.
  void look_at(const fs::path& path, const fs::path& name) {
    const Glance glance = glance_at(path);
    if (glance.kind.use == Kind::kVideo && videos_)
      found_.pictures.push_back({path, name, {}, true});
    else if (glance.kind.use == Kind::kVideo)
      found_.videos.push_back(path);
    else if (glance.kind.use == Kind::kArchive && has_archive_extension(path))
      found_.archives.push_back(path);
    else
      sort_in(glance, {path, name});
  }

  void sort_in(const Glance& glance, FoundPicture picture) {
    const fs::path& path = picture.path;
    if (glance.own)
      found_.own.push_back(path);
    else if (glance.kind.use == Kind::kPicture)
      found_.unread[std::string(glance.kind.name)].push_back(path);
    else if (glance.kind.use == Kind::kRead || has_picture_extension(path))
      found_.pictures.push_back(std::move(picture));
    else if (const auto foreign = foreign_kind(path); glance.opened && !foreign.empty())
      found_.unread[std::string(foreign)].push_back(path);
    else if (std::error_code error; !glance.opened && fs::is_regular_file(path, error))
      found_.unopened.push_back(path);
  }

  const bool recursive_;
  const std::vector<std::string>& exclude_;
  const bool videos_;
  FoundPictures found_;
  std::vector<fs::path> subfolders_;  // of the folder that is looked through, which are not
  int looked_near_ = 0;
};

}  // namespace

bool has_picture_extension(const fs::path& path) {
  return std::find(kExtensions.begin(), kExtensions.end(), extension_of(path)) != kExtensions.end();
}

FoundPictures find_pictures(const std::vector<std::string>& arguments, bool recursive,
                            const std::vector<std::string>& exclude, bool videos) {
  Finder finder(recursive, exclude, videos);
  for (const auto& argument : arguments) finder.add(argument);
  return finder.take();
}

std::vector<std::string> FoundPictures::remarks() const {
  std::vector<std::string> lines;
  for (const auto& [kind, paths] : unread)
    lines.push_back(passed_over(paths, "picture", kind + " is not read; convert to JPEG or PNG first"));
  if (!unopened.empty())
    lines.push_back(passed_over(unopened, "file", "can't be opened to see whether it is a picture"));
  if (!own.empty()) lines.push_back(passed_over(own, "file", "written by attend itself"));
  if (!archives.empty()) lines.push_back(passed_over(archives, "archive", "name one to caption the pictures in it"));
  if (!nested.empty()) lines.push_back(passed_over(nested, "archive", "lies in an archive; unpack that first"));
  if (!videos.empty()) lines.push_back(passed_over(videos, "video", kOfVideos));
  lines.insert(lines.end(), of_archives.begin(), of_archives.end());
  if (!not_entered.empty())
    lines.push_back(passed_over(not_entered, "folder", "hidden, or thumbnails and bins; name one to go into it"));
  if (!hidden.empty()) lines.push_back(passed_over(hidden, "picture", "hidden by its name; name one to caption it"));
  if (!below.empty()) lines.push_back(passed_over(below, "subfolder", "with pictures; --recursive looks in them, too"));
  for (const auto& [folder, deeper] : empty)
    lines.push_back(folder.string() + ": no pictures there" + (deeper ? "; --recursive looks in subfolders too" : ""));
  return lines;
}

}  // namespace attend
